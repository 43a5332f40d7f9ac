"""The names in a directory: which are subdirectories, which are left alone, which an earlier session has done."""

from __future__ import annotations

import itertools
import os
import zlib

from .node import Window
from .siblings import part_of
from .skipped import OUR_PREFIX, SKIP_AT_TOP, SKIP_DIRECTORIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .job import Job
    from .node import Node
    from .notes import Notes

WINDOW = 4096
"""Names held at a time."""


def checksum(names: list[str], before: int) -> int:
    """Of names in the order in which they were listed, after those before."""
    return zlib.crc32(os.fsencode("\0".join(names)) + b"\0", before)


def window_of(node: Node, entries: list[os.DirEntry[str]]) -> Window:
    """The names that were just read."""
    node.count += len(entries)
    node.crc = checksum([e.name for e in entries], node.crc)
    return Window(node.count, node.crc)


def sort_out(entries: list[os.DirEntry[str]]) -> tuple[list[str], list[str]]:
    """(subdirectories, everything else)."""
    try:
        files = [e.name for e in entries if not e.is_dir(follow_symlinks=False)]
        dirs = [e.name for e in entries if e.is_dir(follow_symlinks=False)] if len(files) < len(entries) else []
    except OSError:  # no type in the listing and no status either: let the status call say why
        files, dirs = [], []
        for entry in entries:
            try:
                (dirs if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
            except OSError:
                files.append(entry.name)
    return dirs, files


def left_alone(job: Job, notes: Notes, node: Node, dirs: list[str], files: list[str]) -> tuple[list[str], list[str]]:
    """Both lists without what is left alone."""
    kept, mounted = job.kept, job.volume.mounted
    top, beside_record = not node.depth, node.ino == kept.folder
    if top or beside_record:
        gone = {
            name
            for name in (*files, *dirs)
            if name.startswith(OUR_PREFIX)
            or (top and name in SKIP_AT_TOP)
            or (beside_record and part_of(name, kept.name)[0])
        }
        dirs, files = _without(gone, dirs, files)
        notes.skip(node, sorted(gone))
    if mounted:
        gone = {name for name in (*files, *dirs) if job.volume.is_mounted(name, node.path)}
        dirs, files = _without(gone, dirs, files)
        notes.skip(node, sorted(gone), "mount point")
    if dirs:
        gone = set(SKIP_DIRECTORIES.intersection(dirs))
        if gone:
            dirs, _ = _without(gone, dirs, [])
            notes.skip(node, sorted(gone))
    return dirs, files if job.is_mine(node.key) else []


def _without(gone: Collection[str], dirs: list[str], files: list[str]) -> tuple[list[str], list[str]]:
    if not gone:
        return dirs, files
    return [name for name in dirs if name not in gone], [name for name in files if name not in gone]


def skip_claimed(node: Node, fd: int, claim: tuple[int, int, int]) -> bool:
    """Go past the names that an earlier session is proved to have done: same number, same names, same order."""
    ino, count, crc = claim
    if ino != node.ino or count <= 0:
        return False
    seen, found = 0, 0
    while seen < count:
        names = [e.name for e in itertools.islice(node.iterator, min(WINDOW, count - seen))]
        if not names:
            break
        seen += len(names)
        found = checksum(names, found)
    if seen == count and found == crc:
        node.count, node.crc = count, crc
        return True
    node.iterator.close()
    node.iterator = os.scandir(fd)
    return False
