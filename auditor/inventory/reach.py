"""What a user gets at below directories, told by owners and mode bits from inside a pod that may see all of it. Reads
names, owners and modes; changes nothing, and becomes nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import msgspec

from auditor.inventory.looking import InPod
from auditor.model.ownership import Owner, WrongOwner
from auditor.worker import commands
from auditor.worker.commands import LONGEST_LOOK
from auditor.worker.messages import Started, decode

MOST_DIRECTORIES: Final = LONGEST_LOOK
"""A second for each at the least."""
_SAMPLES: Final = 3
_LARGEST_ANSWER: Final = 256 * 1024
"""Bytes per directory."""
_LISTED: Final = re.compile(r"(\S)(\S{9})(\S?) +\d+ +(\d{1,10}) +(\d{1,10}) +\d+(?:, +\d+)? +\S+ +\S+ +\S+ (.*)")
_HEADING: Final = "= "
_WRITE_AND_ENTER: Final = {"owner": (2, 3), "group": (5, 6), "others": (8, 9)}


class Wish(msgspec.Struct, frozen=True):
    """Whether `user`, who is in `groups` too, gets at what is below `path`."""

    path: str
    user: Owner
    groups: tuple[int, ...]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    seen: int
    exhaustive: bool
    unreadable: tuple[WrongOwner, ...]
    has_acl: int
    top_owner: Owner
    top_writable: bool


class _Entry(msgspec.Struct, frozen=True):
    kind: str
    mode: str
    mark: str
    """"+" where there is an access control list."""
    owner: Owner
    name: str


def reach(inside: InPod, wishes: Sequence[Wish]) -> tuple[Started, tuple[Reach | None, ...]]:
    """What the container has for our worker, and for each wish what was seen; None where there is no such directory.
    Raises NotSeenError."""
    words = [word for wish in wishes for word in (wish.path, str(wish.user.uid), _tests(wish))]
    seconds = max(1, LONGEST_LOOK // len(wishes))
    first, *lines = inside.run(commands.reach(seconds, _LARGEST_ANSWER, words)) or [""]
    started, sections = decode(first), _sections(lines)
    if len(sections) != len(wishes) or not isinstance(started, Started):
        raise inside.failure("its shell gave an answer that makes no sense")
    return started, tuple(_reach(wish, section) for wish, section in zip(wishes, sections, strict=True))


def _tests(wish: Wish) -> str:
    return " -o ".join(f"-group {group}" for group in sorted({wish.user.gid, *wish.groups}))


def _sections(lines: Iterable[str]) -> list[list[str]]:
    """No line of `ls -n` begins as a heading does."""
    sections: list[list[str]] = []
    for heading, group in groupby(lines, key=lambda line: line.startswith(_HEADING)):
        if heading:
            sections += [[line.removeprefix(_HEADING)] for line in group]
        elif sections:
            sections[-1] += group
    return sections


def _reach(wish: Wish, lines: Sequence[str]) -> Reach | None:
    top, *rest = lines
    itself = _entry(top)
    if itself is None or itself.kind != "d":
        return None
    shut = [entry for entry in map(_entry, rest) if entry]
    certain = [entry for entry in shut if entry.mark != "+"]
    readable = sum(len(line) - len(line.lstrip(".")) for line in rest)
    return Reach(
        seen=readable + len(shut),
        exhaustive="end" in (line.lstrip(".") for line in rest),
        unreadable=_by_owner(certain),
        has_acl=len(shut) - len(certain),
        top_owner=itself.owner,
        top_writable=itself.mark == "+" or _may_write(itself, wish),
    )


def _entry(line: str) -> _Entry | None:
    listed = _LISTED.fullmatch(line.lstrip("."))
    if not listed:
        return None
    kind, mode, mark, uid, gid, name = listed.groups()
    return _Entry(kind, mode, mark, Owner(int(uid), int(gid)), name)


def _may_write(entry: _Entry, wish: Wish) -> bool:
    """A directory: to write it takes to enter it."""
    if wish.user.uid == 0:
        return True
    who = (
        "owner"
        if entry.owner.uid == wish.user.uid
        else "group"
        if entry.owner.gid in {wish.user.gid, *wish.groups}
        else "others"
    )
    write, enter = (entry.mode[place - 1] for place in _WRITE_AND_ENTER[who])
    return write == "w" and enter in "xst"


def _by_owner(entries: Sequence[_Entry]) -> tuple[WrongOwner, ...]:
    """Most first."""
    rows: dict[Owner, list[str]] = {}
    for entry in entries:
        rows.setdefault(entry.owner, []).append(entry.name.removeprefix("./"))
    found = [
        WrongOwner(owner=owner, count=len(names), samples=tuple(names[:_SAMPLES])) for owner, names in rows.items()
    ]
    return tuple(sorted(found, key=lambda row: (-row.count, row.owner)))
