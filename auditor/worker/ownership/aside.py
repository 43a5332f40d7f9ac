"""Moving aside what another user left, so that the new owner can start without it; undo moves it back."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time

from .machine import DIRECTORY_FLAGS, open_below
from .names import hexed, shown
from .trouble import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .job import Job

INSIDE = 1000
"""Entries of a directory that are asked for their owner."""


def _parent(root_fd: int, path: str) -> tuple[int, str]:
    """(descriptor of the directory that holds path, last name), without following any link."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or path.startswith("/"):
        raise Trouble("bad-arguments", "--move-aside takes a path below ROOT, not %r." % path)
    return open_below(root_fd, parts[:-1]), parts[-1]


def _failed(report: dict[str, Any], problem: OSError) -> dict[str, Any]:
    return dict(report, why="failed", error=errno.errorcode.get(problem.errno or 0, "?"))


def move_aside(job: Job, path: str) -> dict[str, Any]:
    """Rename what another user left at path; again is no change."""
    report = {"path": shown(path), "moved": False}
    try:
        fd, name = _parent(job.volume.fd, path)
        try:
            return _move(job, path, name, fd, report)
        finally:
            os.close(fd)
    except FileNotFoundError:
        return dict(report, why="absent")
    except OSError as problem:
        return _failed(report, problem)


def _move(job: Job, path: str, name: str, fd: int, report: dict[str, Any]) -> dict[str, Any]:
    status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    report["owner"] = "%d:%d" % (status.st_uid, status.st_gid)
    if status.st_dev != job.volume.dev:
        return dict(report, why="other file system")
    if status.st_uid == job.uid and not _holds_foreign(job.uid, name, fd, status):
        return dict(report, why="belongs to the new owner")
    if job.mode == "check":
        return dict(report, why="found")
    fresh = _free_name(name, fd)
    job.kept.record.write("m %s %s" % (hexed(path), hexed(fresh)))
    os.rename(name, fresh, src_dir_fd=fd, dst_dir_fd=fd)
    return dict(report, moved=True, to=shown(os.path.join(os.path.dirname(path), fresh)))


def _free_name(name: str, fd: int) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(100):
        fresh = "%s.posit-audit-%s%s" % (name, stamp, "-%d" % number if number else "")
        try:
            os.stat(fresh, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return fresh
    raise FileExistsError(errno.EEXIST, "no free name")


def _holds_foreign(uid: int, name: str, fd: int, status: os.stat_result) -> bool:
    """Whether one of the first entries of a directory belongs to another user."""
    if not stat.S_ISDIR(status.st_mode):
        return False
    inside = os.open(name, DIRECTORY_FLAGS, dir_fd=fd)
    try:
        with os.scandir(inside) as entries:
            return any(
                os.stat(e.name, dir_fd=inside, follow_symlinks=False).st_uid != uid
                for e in itertools.islice(entries, INSIDE)
            )
    finally:
        os.close(inside)


def move_back(job: Job, path: str, fresh: str) -> dict[str, Any]:
    report = {"path": shown(path), "moved": False, "from": shown(fresh)}
    try:
        fd, name = _parent(job.volume.fd, path)
        try:
            return _back(name, fresh, fd, report)
        finally:
            os.close(fd)
    except OSError as problem:
        return _failed(report, problem)


def _back(name: str, fresh: str, fd: int, report: dict[str, Any]) -> dict[str, Any]:
    there, waits = (_exists(one, fd) for one in (name, fresh))
    if there and not waits:  # an undo that was cut off moved it, or its run never did
        return dict(report, why="in its place")
    if there:
        return dict(report, why="failed", error="EEXIST")
    os.rename(fresh, name, src_dir_fd=fd, dst_dir_fd=fd)
    return dict(report, moved=True)


def _exists(name: str, fd: int) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
