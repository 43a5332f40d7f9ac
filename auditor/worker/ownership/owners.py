"""The calls that change owners, and the bits that those calls clear."""

from __future__ import annotations

import errno
import os
import stat

from .node import special
from .statx import SPECIAL_BITS
from .words import CHANGED, REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .job import Job
    from .node import Group, Node
    from .notes import Notes

PATH_ONLY = getattr(os, "O_PATH", 0o10000000) | os.O_NOFOLLOW | os.O_CLOEXEC
REFUSED_AFTER = 32
"""Refusals without one success: then the volume is asked whether it lets anything change."""


class Owners:
    def __init__(self, job: Job, notes: Notes) -> None:
        self.job = job
        self.notes = notes
        self.words = job.words
        self.uid, self.gid = job.uid, job.gid
        self.undo = job.mode == "undo"
        self.check = job.mode == "check"
        self.succeeded = False
        self.refusals = 0
        self.refused_with = 0

    def change(self, node: Node, group: Group, fd: int) -> tuple[int, bool]:
        """(how many were changed, whether all went well)."""
        chown, words, uid, gid, names = os.chown, self.words, self.uid, self.gid, group.names
        each = node.before or group.odd  # not all get the same
        inodes = dict(zip(names, group.inodes)) if node.before else {}  # noqa: B905  no strict= before Python 3.10
        changed, clean = 0, True
        for start in range(0, len(names), 32):
            if words[0]:
                break
            for name in names[start : start + 32]:
                try:
                    if each:
                        owner = node.before[inodes[name]] if inodes else (uid, gid)
                        self._change_one(node, name, fd, owner, group.odd.get(name))
                    else:
                        chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
                    changed += 1
                except OSError as problem:
                    clean = self.notes.fail(problem, node, name) and clean
                    self._refused(problem)
        if changed:
            self.succeeded = True
        return changed, clean

    def _change_one(
        self, node: Node, name: bytes, fd: int, owner: tuple[int, int], status: os.stat_result | None
    ) -> None:
        if status is not None and special(status):
            self._change_special(node, name, fd, status, *owner)
        else:
            os.chown(name, *owner, dir_fd=fd, follow_symlinks=False)

    def change_directory(self, node: Node) -> None:
        """The content is done: change the directory itself."""
        try:
            mode = os.fstat(node.fd).st_mode if node.mode & SPECIAL_BITS else 0
            os.fchown(node.fd, node.uid if self.undo else self.uid, node.gid if self.undo else self.gid)
            self.succeeded = True
            with self.notes.lock:
                self.words[self.notes.row + CHANGED] += 1
            if mode:
                self._bring_bits_back(node, mode)
        except OSError as problem:
            node.clean = self.notes.fail(problem, node, "") and node.clean
            self._refused(problem)

    def _refused(self, problem: OSError) -> None:
        """Stop early if nothing at all may be changed."""
        if self.succeeded or problem.errno not in (errno.EPERM, errno.EACCES, errno.EROFS):
            return
        self.refusals += 1
        self.refused_with = problem.errno
        if self.refusals >= REFUSED_AFTER and not self.words[0]:
            self.succeeded = self.job.volume.may_change(self.uid, self.gid)
            if not self.succeeded:
                self.words[0] = REFUSED

    # -- setuid and setgid ---------------------------------------------------------------------------------------

    def keeps_bits(self, owner: int) -> bool:
        return not self.undo and owner in (0, self.uid)

    def _change_special(self, node: Node, name: bytes, fd: int, status: os.stat_result, uid: int, gid: int) -> None:
        """Change a file whose setuid or setgid bit chown clears, on one descriptor, and set the bits again."""
        held = os.open(name, PATH_ONLY, dir_fd=fd)
        try:
            now = os.fstat(held)
            if now.st_ino != status.st_ino or now.st_dev != status.st_dev:
                raise OSError(errno.ESTALE, "replaced while working on it")
            link = "/proc/self/fd/%d" % held
            try:
                if self.undo:  # before it is another's: not every file server clears the bits by itself
                    os.chmod(link, stat.S_IMODE(now.st_mode) & ~SPECIAL_BITS)
                os.chown(link, uid, gid)
            except FileNotFoundError:  # it is held: what is not there is /proc
                raise OSError(errno.ENOSYS, "no /proc") from None
            if self.keeps_bits(status.st_uid) and now.st_uid == status.st_uid:
                try:
                    os.chmod(link, stat.S_IMODE(now.st_mode))
                except PermissionError:
                    pass
            kept = os.fstat(held).st_mode & SPECIAL_BITS == now.st_mode & SPECIAL_BITS
        finally:
            os.close(held)
        self.notes.bits(node, name, kept=kept)

    def restore_bits(self, node: Node, name: bytes, fd: int, status: os.stat_result, mode: int) -> bool:
        """A run killed between chown and chmod left the bits off: set them."""
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) & ~SPECIAL_BITS != mode & ~SPECIAL_BITS:
            return True
        if status.st_mode & SPECIAL_BITS == mode & SPECIAL_BITS or self.check:
            return True
        try:
            held = os.open(name, PATH_ONLY, dir_fd=fd)
            try:
                if os.fstat(held).st_ino == status.st_ino:
                    os.chmod("/proc/self/fd/%d" % held, mode)
            finally:
                os.close(held)
        except OSError as problem:
            return self.notes.fail(problem, node, name)
        self.notes.bits(node, name, kept=True)
        return True

    def _bring_bits_back(self, node: Node, mode: int) -> None:
        """Linux keeps the bits of directories; a file server may not."""
        now = os.fstat(node.fd).st_mode
        lost = mode & ~now & SPECIAL_BITS
        if lost:
            os.fchmod(node.fd, stat.S_IMODE(now | lost))
            lost &= ~os.fstat(node.fd).st_mode
        if lost:
            self.notes.bits(node, "", kept=False)
