"""The volume that is worked on: ROOT, and what is known of the file system below it."""

from __future__ import annotations

import os

from .machine import DIRECTORY_FLAGS
from .mounts import mount_of, mounted_below
from .names import shown
from .trouble import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Volume:
    def __init__(self, root: str, *, changes: bool) -> None:
        self.path = os.path.realpath(root)
        if self.path == "/" and changes:
            raise Trouble("not-a-volume", "ROOT is the root of the whole file system. Use the directory of one volume.")
        try:
            self.fd = os.open(self.path, DIRECTORY_FLAGS)
        except OSError as problem:
            raise Trouble(
                "not-a-volume", "Cannot open %s: %s." % (shown(self.path), os.strerror(problem.errno or 0))
            ) from None
        self.top = os.fstat(self.fd)
        self.dev = self.top.st_dev
        kind = mount_of(self.path)[0]
        self.dev_of_files = kind != "overlay"  # there files show the device of the layer they come from
        self.syncs_alone = kind in ("btrfs", "f2fs", "bcachefs")  # a file without what was changed elsewhere before
        self.mounted = mounted_below(self.fd, self.path.rstrip("/"))

    def is_mounted(self, name: str, path: Callable[[str], str]) -> bool:
        return name in self.mounted and path(name) in self.mounted[name]

    def owner(self) -> tuple[int, int]:
        """Of ROOT, by now."""
        status = os.fstat(self.fd)
        return status.st_uid, status.st_gid

    def may_change(self, uid: int, gid: int) -> bool:
        """Whether it lets anything change: a file without a name in ROOT, or else ROOT to the owner it has."""
        try:
            fd = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600, dir_fd=self.fd)
        except (OSError, AttributeError):  # as on NFS
            fd = os.dup(self.fd)
            uid, gid = self.owner()
        try:
            os.fchown(fd, uid, gid)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True
