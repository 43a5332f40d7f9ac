"""What is mounted where, as /proc tells."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # without typing, whose import would be a tenth of a small run
if TYPE_CHECKING:
    from collections.abc import Iterator


def mounts() -> Iterator[tuple[str, str, str, str]]:
    """(id of the mount below it, where, file system type, source) of each mount; none if /proc doesn't say."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            for line in map(os.fsdecode, file):
                left, _, right = line.partition(" - ")
                point = left.split()[4]
                for code in ("\\040", "\\011", "\\012", "\\134"):
                    point = point.replace(code, chr(int(code[1:], 8)))
                kind, source = right.split()[:2]
                yield left.split()[1], point, kind, source
    except (OSError, ValueError, IndexError):
        pass


def mount_of(path: str) -> tuple[str, str]:
    """(file system type, source) of the mount that path is on; empty strings if /proc doesn't say."""
    best = ("", "", "")
    for _, point, kind, source in mounts():
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = (point, kind, source)
    return best[1], best[2]


def mounted_below(fd: int, path: str) -> dict[str, set[str]]:
    """What is mounted on the file system of a directory, as paths below it, by their last names."""
    found: dict[str, set[str]] = {}
    try:
        with open("/proc/self/fdinfo/%d" % fd) as file:
            here = dict(line.split(":", 1) for line in file)["mnt_id"].strip()
    except (OSError, KeyError):
        return found
    for above, point, _, _ in mounts():
        if above == here and point.startswith(path + "/"):
            found.setdefault(os.path.basename(point), set()).add(point[len(path) + 1 :])
    return found
