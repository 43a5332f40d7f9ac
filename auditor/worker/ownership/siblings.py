"""Names of records that belong together: FILE, FILE.1, FILE.2, ... of later runs, and those of shards."""

from __future__ import annotations

import os

from .lines import last_kind


def part_of(record: str, base: str) -> tuple[str, str]:
    """(name of all shards, "I/N") of one shard's record, (base, "") of base and base.1, ...; ("", "") of others."""
    if not (record + ".").startswith(base + "."):
        return "", ""
    rest = record[len(base) + 1 :].split(".")
    if rest[-1].isdigit():
        rest.pop()
    index, of, count = rest[-1].partition("-of-") if rest else ("", "", "")
    if of:
        return ".".join([base, *rest[:-1]]), "%s/%s" % (index, count)
    return ("", "") if any(rest) else (base, "")


def records_in(folder: str, base: str) -> list[str]:
    """Names in folder: base, base.1, ..., and those of shards."""
    try:
        mine = [name for name in os.listdir(folder) if part_of(name, base)[0]]
    except OSError:
        return []
    return sorted(mine, key=lambda name: (*part_of(name, base), len(name), name))


def shard_name(name: str, shard: int, shards: int) -> str:
    return "%s.%d-of-%d" % (name, shard, shards)


def numbered(name: str, number: int) -> str:
    return "%s.%d" % (name, number) if number else name


def newest(path: str) -> str:
    """The last of FILE, FILE.1, FILE.2, ... that is there."""
    number = 0
    while os.path.lexists(numbered(path, number + 1)):
        number += 1
    return numbered(path, number)


def said_last(path: str) -> str:
    """The kind of the last line of another shard's record; empty if it has none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            return ""
        os.lseek(fd, max(0, os.fstat(fd).st_size - 200), os.SEEK_SET)
        return last_kind(os.read(fd, 200))
    finally:
        os.close(fd)
