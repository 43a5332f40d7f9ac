"""Directories in work, and what was found in them."""

from __future__ import annotations

import os
import stat

from .statx import SPECIAL_BITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Window:
    """One reading of a large directory: done when all its entries and everything below them are."""

    __slots__ = ("crc", "end", "pending")

    def __init__(self, end: int, crc: int) -> None:
        self.end = end
        self.crc = crc
        self.pending = 0


class Node:
    """A directory being worked on, or (graft) the part of one that another process handed over."""

    __slots__ = (
        "before", "changes", "clean", "count", "crc", "depth", "fd", "gid", "graft", "ino", "iterator", "key", "mode",
        "name", "noted", "parent", "pending", "prefix", "uid", "users", "weight", "window", "windows",
    )  # fmt: skip

    def __init__(self, parent: Node | None, name: str, fd: int, ino: int, key: int, window: Window | None) -> None:
        self.parent = parent
        self.name = name
        self.fd = fd  # -1 while closed to save descriptors
        self.ino = ino
        self.key = key
        self.window = window  # of the parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.users = 0
        self.pending = 0  # listing, subdirectories and batches not done yet
        self.iterator: Any = None
        self.windows: list[Window] = []
        self.count = 0  # names read so far
        self.crc = 0
        self.clean = True  # nothing below failed
        self.weight = 0  # entries done below that no line of the state claims
        self.uid = self.gid = self.mode = 0
        self.changes = False  # is to be changed itself
        self.noted = False  # its own owner is in the state
        self.graft: tuple[int, int, int] | None = None  # (process, ticket, units) that wait for it
        self.before: dict[int, tuple[int, int]] = {}  # undo: owners by inode
        self.prefix = ""

    def path(self, name: str | bytes = "") -> str:
        parts = [os.fsdecode(name)] if name else []
        node: Node | None = self
        while node is not None:
            if node.graft is not None:
                if node.prefix:
                    parts.append(node.prefix)
                break
            if node.name:
                parts.append(node.name)
            node = node.parent
        return "/".join(reversed(parts)) or "."


class Group:
    """Entries of one directory that belong to one wrong owner."""

    __slots__ = ("inodes", "names", "odd")

    def __init__(self, names: list[bytes], inodes: list[int]) -> None:
        self.names = names
        self.inodes = inodes
        self.odd: dict[bytes, os.stat_result] = {}  # those that are not plain files with one name


def special(status: os.stat_result) -> bool:
    """Whether it is a file that runs as its owner or group, which chown takes from it."""
    return bool(status.st_mode & SPECIAL_BITS) and stat.S_ISREG(status.st_mode)
