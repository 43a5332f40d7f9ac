"""Looks at the entries of a directory, notes those that are wrong, and has them changed: the inner loop of a run."""

from __future__ import annotations

import os
import stat

from .exchange import DIRS
from .inodes import packed
from .names import shown
from .node import Group, special
from .skipped import SKIP_DIRECTORIES
from .statx import BLOCK, ODD_MODES
from .tally import LINKS_MAX, SAMPLES
from .trouble import Halt
from .words import CHANGED, SEEN, WANTED, WRONG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import Descriptors
    from .job import Job
    from .node import Node
    from .notes import Notes
    from .owners import Owners
    from .record import Record
    from .stack import Stack


class Entries:
    def __init__(self, job: Job, notes: Notes, descriptors: Descriptors, owners: Owners, stack: Stack) -> None:
        self.job = job
        self.notes = notes
        self.descriptors = descriptors
        self.owners = owners
        self.stack = stack
        self.words, self.row, self.lock = job.words, notes.row, notes.lock
        self.right = (job.uid, job.gid)
        self.undo = job.mode == "undo"
        self.check = job.mode == "check"
        self.record = job.kept.record if job.mode == "run" else None

    def batch(self, node: Node, names: list[bytes], fd: int = -1) -> bool:
        """Look at names in one directory and change what is wrong; whether all went well. Raises Halt."""
        if fd >= 0 and len(names) <= BLOCK:
            return self._block(node, names, fd)
        held = fd < 0
        if held:
            try:
                fd = self.descriptors.hold(node)
            except OSError as problem:
                return self.notes.fail(problem, node, ".")
        clean = True
        try:
            for start in range(0, len(names), BLOCK):
                clean = self._block(node, names[start : start + BLOCK], fd) and clean
        finally:
            if held:
                self.descriptors.let(node)
        return clean

    def _block(self, node: Node, names: list[bytes], fd: int) -> bool:
        words = self.words
        folders: list[bytes] = []  # not shown as such by the listing
        clean = True
        changed = 0
        groups: dict[tuple[int, int], Group] = {}
        if self.undo and not node.before:
            names = []
        alike = self.alike(names, fd)
        if alike is None:
            seen, groups, clean = self._judge(node, names, fd, folders)
        else:
            seen = len(names)
            if alike[0] != self.right:
                groups[alike[0]] = Group(names, alike[1])
        if groups or (node.changes and not node.noted):
            changed, well = self._settle(node, groups, fd, folders)
            clean = clean and well
        if folders:
            self._descend(node, folders)
        with self.lock:
            words[self.row + SEEN] += seen - len(folders)
            words[self.row + CHANGED] += changed
        if words[0]:
            raise Halt
        return clean

    # -- looking -------------------------------------------------------------------------------------------------

    def alike(self, names: list[bytes], fd: int) -> tuple[tuple[int, int], list[int]] | None:
        """(owner, inodes) if all are plain files of one owner; None if each has to be looked at."""
        table = self.job.table
        if table is None or not names or self.words[self.row + WANTED] > 1 or not table.lock.acquire(False):
            return None
        try:
            return table.look(fd, names)
        finally:
            table.lock.release()

    def _judge(  # noqa: C901  one loop: a call for each entry costs a tenth of the time
        self, node: Node, names: list[bytes], fd: int, folders: list[bytes]
    ) -> tuple[int, dict[tuple[int, int], Group], bool]:
        """(how many are there, the wrong ones by owner, all well); directories that are right are added to folders."""
        words, before, right, dev, status_of = self.words, node.before, self.right, self.job.volume.dev, os.stat
        specials = self.job.kept.specials.get(node.key)
        seen, clean = 0, True
        groups: dict[tuple[int, int], Group] = {}
        for start in range(0, len(names), 32):
            if words[0]:
                break
            for name in names[start : start + 32]:
                try:
                    status = status_of(name, dir_fd=fd, follow_symlinks=False)
                except OSError as problem:
                    clean = self.notes.fail(problem, node, name) and clean
                    continue
                seen += 1
                owner = (status.st_uid, status.st_gid)
                if before:
                    if owner != right or not self._is_given_back(node, fd, name, status):
                        continue
                elif owner == right:
                    if specials or status.st_mode & 0o170000 == stat.S_IFDIR:
                        clean = self._is_right(node, fd, name, status, folders) and clean
                    continue
                group = groups.get(owner)
                if group is None:
                    group = groups[owner] = Group([], [])
                group.names.append(name)
                group.inodes.append(status.st_ino)
                if status.st_nlink != 1 or status.st_dev != dev or status.st_mode & ODD_MODES != stat.S_IFREG:
                    group.odd[name] = status
        return seen, groups, clean

    def _is_given_back(self, node: Node, fd: int, name: bytes, status: os.stat_result) -> bool:
        """Undo: whether it is what the run changed, and belonged to another before."""
        return node.before.get(status.st_ino, self.right) != self.right and not self.made_since(node, fd, name)

    def _is_right(self, node: Node, fd: int, name: bytes, status: os.stat_result, folders: list[bytes]) -> bool:
        """What else is to be done with an entry that has its owner; whether that went well."""
        if stat.S_ISDIR(status.st_mode):
            folders.append(name)
            return True
        mode = self.job.kept.specials.get(node.key, {}).get(status.st_ino)
        return mode is None or self.owners.restore_bits(node, name, fd, status, mode)

    def made_since(self, node: Node, fd: int, name: bytes = b"") -> bool:
        """Undo: whether it is another entry, which took the inode of one that was changed and removed since."""
        births = self.job.kept.births
        if births is None or not births.later(fd, name):
            return False
        self.notes.skip(node, [os.fsdecode(name)], "made after the run")
        return True

    def _descend(self, node: Node, folders: list[bytes]) -> None:
        """Walk directories that the listing did not show as such."""
        names = [os.fsdecode(name) for name in folders]
        gone = [name for name in names if name in SKIP_DIRECTORIES]
        self.notes.skip(node, gone)
        names = [name for name in names if name not in gone]
        if names:
            with self.lock:
                node.pending += len(names)
            self.stack.push([(DIRS, node, names, None)])

    # -- changing ------------------------------------------------------------------------------------------------

    def _settle(
        self, node: Node, groups: dict[tuple[int, int], Group], fd: int, folders: list[bytes]
    ) -> tuple[int, bool]:
        """Note what is wrong, and change it; (how many were changed, whether all went well)."""
        changed = again = 0
        clean = True
        for owner, group in groups.items():
            if group.odd:
                self.sift(node, group, folders)
            again += self._note(node, owner, group)
        if self.record:
            self._write_down(self.record, node, groups)
        if not self.check:
            for group in groups.values():
                done, well = self.owners.change(node, group, fd)
                changed += done
                clean = clean and well
        return max(0, changed - again), clean

    def sift(self, node: Node, group: Group, folders: list[bytes]) -> None:
        """Drop what is on another file system, second names of a file, and directories (those are walked)."""
        volume, inodes = self.job.volume, set()
        kept = []
        for name, inode in zip(group.names, group.inodes):  # noqa: B905  no strict= before Python 3.10
            status = group.odd.get(name)
            if status is not None and stat.S_ISDIR(status.st_mode):
                folders.append(name)
            elif status is not None and status.st_dev != volume.dev and volume.dev_of_files:
                self.notes.skip(node, [os.fsdecode(name)], "other file system")
            elif status is None or status.st_nlink == 1 or inode not in inodes:
                inodes.add(inode)
                kept.append((name, inode))
        group.names, group.inodes = [name for name, _ in kept], [inode for _, inode in kept]
        group.odd = {name: group.odd[name] for name in group.names if name in group.odd}

    def _note(self, node: Node, owner: tuple[int, int], group: Group) -> int:
        """Count what is wrong, a file with several names once; answers how many had been counted."""
        text = "%d:%d" % owner
        tally = self.notes.tally
        with self.lock:
            fresh = len(group.names)
            for status in group.odd.values():
                if status.st_nlink > 1:
                    if status.st_ino in tally.links:
                        fresh -= 1
                    elif len(tally.links) < LINKS_MAX:
                        tally.links[status.st_ino] = text
            again = len(group.names) - fresh
            if not fresh:
                return again
            row = tally.owners.get(text, ())
            for name in group.names[: max(0, SAMPLES + 1 - max(1, len(row)))]:
                tally.note(tally.owners, text, shown(node.path(name)), 0)
            tally.note(tally.owners, text, "", fresh)
            self.words[self.row + WRONG] += fresh
        return again

    def _write_down(self, record: Record, node: Node, groups: dict[tuple[int, int], Group]) -> None:
        """Record the owners (of the directory itself too) before anything changes."""
        inodes = {owner: group.inodes for owner, group in groups.items()}
        with self.lock:
            first = node.changes and not node.noted
            node.noted = True
        if first:
            owner = (node.uid, node.gid)
            inodes[owner] = [*inodes.get(owner, ()), node.ino]
        for (uid, gid), numbers in inodes.items():
            if numbers:
                record.write("o %x %d:%d %s" % (node.key, uid, gid, packed(numbers)))
        for group in groups.values():
            for status in group.odd.values():
                if special(status) and self.owners.keeps_bits(status.st_uid):
                    record.write("s %x %x %o" % (node.key, status.st_ino, stat.S_IMODE(status.st_mode)))
