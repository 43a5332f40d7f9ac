"""A lock on an open file, which the operating system releases if the process ends in any way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

_BEYOND_THE_END = 2**30
"""On Windows no other process can read a locked byte, so that the byte is one that no journal has."""


@contextmanager
def locked(file: BinaryIO) -> Iterator[None]:
    """Raises BlockingIOError if another process, or another descriptor of this one, holds the lock. A file system
    without locks locks nothing."""
    try:
        import fcntl
    except ModuleNotFoundError:
        with _locked_on_windows(file):
            yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass
    yield


@contextmanager
def _locked_on_windows(file: BinaryIO) -> Iterator[None]:
    import msvcrt

    windows: Any = msvcrt  # its functions have types on Windows only
    file.seek(_BEYOND_THE_END)
    try:
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
        has_locks = True
    except PermissionError:
        raise BlockingIOError from None
    except OSError:
        has_locks = False
    try:
        yield
    finally:
        if has_locks:  # Windows releases it with the file too, but some time later
            file.seek(_BEYOND_THE_END)
            windows.locking(file.fileno(), windows.LK_UNLCK, 1)
