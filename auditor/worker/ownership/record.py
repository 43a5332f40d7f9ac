"""The record of former owners: a file beside the run to which each process appends, and by which work is resumed."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import stat
import time

from .lines import HEAD, line, whole_lines
from .machine import boot_id, settle
from .names import shown
from .trouble import Foreign, Trouble
from .words import UNKEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LOCK_WAIT = 10.0
"""Seconds for which another run that holds the record is waited for."""
_TAKEN = frozenset({errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO, errno.ENOTDIR, errno.EEXIST})
"""What opening says of a symbolic link, a directory, a socket, and of what appeared just now."""
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Record:
    """Without a path it is no record, and all that is written to it is lost."""

    def __init__(self, path: str, header: dict[str, Any], words: memoryview) -> None:
        self.path = path
        self.header = header
        self.words = words
        self.fd = -1
        self.root_fd = -1
        self.foreign = False  # on another device than ROOT, or its fsync puts no other changes on disk
        self.error = False
        self.saved = 0  # size when all of it was on disk
        self.fresh = False  # begun by this run
        self.held: bytes | None = None  # undo: what is believed of it

    def __bool__(self) -> bool:
        return bool(self.path)

    # -- the file ------------------------------------------------------------------------------------------------

    def open(self, *, create: bool) -> None:
        """Raises Trouble if it can't be trusted or another run holds it, OSError if it can't be opened."""
        try:
            self.fd = self._opened(create)
        except OSError as problem:
            if problem.errno in _TAKEN:
                raise self._taken() from None
            raise OSError(problem.errno, os.strerror(problem.errno or 0)) from None
        found = os.fstat(self.fd)
        if not stat.S_ISREG(found.st_mode):
            raise self._taken()
        if (
            found.st_nlink != 1
            or found.st_mode & 0o002  # a group may write: the kubelet lets fsGroup's write to every file
            or found.st_uid != os.geteuid()
        ):
            kind = Trouble if found.st_uid == os.geteuid() else Foreign
            raise kind(
                "record-open",
                "The ownership record %s is not trusted: it must be a regular file without other names, owned by "
                "UID %d and not writable by all users (owner %d, mode %o). Use another --state."
                % (shown(self.path), os.geteuid(), found.st_uid, stat.S_IMODE(found.st_mode)),
            )
        if create and self.exposed():
            return  # it is left as it is, even if another than root holds it
        self._lock()

    def _taken(self) -> Foreign:
        """Without a record the work could not be undone, so that nothing is changed."""
        return Foreign(
            "not-a-record",
            "The place of the ownership record %s is taken by something that is no regular file, such as a symbolic "
            "link or a directory. No owner was changed. Remove it." % shown(self.path),
        )

    def _opened(self, create: bool) -> int:
        try:
            return os.open(self.path, _FLAGS)
        except FileNotFoundError:
            if not create:
                raise Trouble(
                    "nothing-to-undo", "Ownership record %s not found: nothing is known to undo." % shown(self.path)
                ) from None
        fd = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        if os.fstat(fd).st_uid != os.geteuid():  # root is squashed
            os.unlink(self.path)
            os.close(fd)
            raise PermissionError(errno.EPERM, "")
        return fd

    def _lock(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as problem:
                if problem.errno not in (errno.EAGAIN, errno.EACCES):
                    return  # a server without locks
                if time.monotonic() > deadline:
                    raise Trouble(
                        "in-use",
                        "Another run uses the ownership record %s. Wait until it ends, or use another --state."
                        % shown(self.path),
                    ) from None
                time.sleep(0.1)
            else:
                return

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def drop(self) -> None:
        try:
            os.unlink(self.path)
            self.path = ""
        except OSError:
            pass

    def exposed(self) -> bool:
        """Whether another than root may write it by now. Ask after reading: only root takes such a right away again."""
        return bool(os.fstat(self.fd).st_mode & 0o020)

    # -- reading -------------------------------------------------------------------------------------------------

    def read(self) -> bytes:
        with os.fdopen(os.dup(self.fd), "rb") as file:
            file.seek(0)
            return file.read()

    def lines(self, damage: list[int] | None = None) -> Iterator[tuple[int, list[str]]]:
        """(offset, fields) of each whole line."""
        with os.fdopen(os.dup(self.fd), "rb") if self.held is None else io.BytesIO(self.held) as file:
            file.seek(0)
            yield from whole_lines(file, [] if damage is None else damage)

    def fields_at(self, offset: int) -> list[str]:
        """Of one line of what is believed."""
        data = self.held or b""
        return data[offset + HEAD : data.index(b"\n", offset)].decode("ascii").split(" ")

    # -- writing -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A session of ours begins."""
        size = os.fstat(self.fd).st_size
        self.fresh = not size
        if not size:
            self.write("h %s" % json.dumps(self.header).encode().hex())
        elif os.pread(self.fd, 1, size - 1) != b"\n":
            self._append(b"\n")  # a line torn by a kill must not swallow the next one
        self.write("b %s" % boot_id())

    def write(self, body: str) -> None:
        if self.fd >= 0 and not self.error:
            self._append(line(body))

    def _append(self, data: bytes) -> None:
        try:
            if os.write(self.fd, data) != len(data):
                os.write(self.fd, b"\n")  # half a line must not swallow the next one, which is another process's
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            self.fail(problem)

    def fail(self, problem: OSError) -> None:
        self.error = True
        self.words[UNKEPT] = self.words[UNKEPT] or problem.errno or errno.EIO

    def checkpoint(self) -> None:
        """All lines so far, and the changes they speak of, are on disk."""
        if self.fd < 0 or self.error:
            return
        try:
            size = os.fstat(self.fd).st_size
            if size == self.saved:
                return
            if self.foreign:
                settle(self.root_fd)
            mark = "c %x" % size
            self.write(mark)
            os.fsync(self.fd)
            self.saved = size + len(line(mark))
        except OSError as problem:
            self.fail(problem)

    def checkpoint_end(self) -> None:
        """As checkpoint, without a line after the last one."""
        if self.fd < 0 or self.error:
            return
        try:
            if self.foreign:
                settle(self.root_fd)
            os.fsync(self.fd)
        except OSError as problem:
            self.fail(problem)
