"""Runs the ownership worker on directories that don't exist, to measure its memory at sizes no test disk holds.

usage: fake_directories.py WORKER DIRECTORIES FILES [arguments of the worker]

Each process tells its own peak; the sum, an upper bound (pages shared since the fork count in each), goes to stderr.
"""

# Descriptors, lstat and bytes paths are what is at stake here.
# ruff: noqa: PTH116, PTH123

import importlib
import itertools
import json
import os
import resource
import sys
import tempfile

worker, directories, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.argv = [worker, *sys.argv[4:]]
root = os.stat(sys.argv[1])
peaks = tempfile.NamedTemporaryFile()  # noqa: SIM115  closed with the process
real_open, real_scandir, real_fstat, real_stat, real_exit = os.open, os.scandir, os.fstat, os.stat, os._exit
first = os.getpid()
known: dict[int, int] = {}  # descriptor -> inode


def status(mode: int, inode: int) -> os.stat_result:
    return os.stat_result((mode, inode, root.st_dev, 1, 0, 0, 0, 0, 0, 0))


class Entry:
    __slots__ = ("folder", "name")

    def __init__(self, name: str, folder: bool) -> None:
        self.name = name
        self.folder = folder

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002  as os.DirEntry has it
        return self.folder


class Listing:
    def __init__(self, entries: "itertools.chain[Entry] | map[Entry]") -> None:
        self.entries = entries

    def __iter__(self) -> "Listing":
        return self

    def __next__(self) -> Entry:
        return next(self.entries)

    def close(self) -> None:
        pass


def fake_open(path, flags, mode=0o777, *, dir_fd=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    if dir_fd is None or path == ".":
        return real_open(path, flags, mode, dir_fd=dir_fd)
    fd = real_open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC)
    known[fd] = 10**6 + int(path[1:])
    return fd


def fake_fstat(fd: int) -> os.stat_result:
    real = real_fstat(fd)
    if real.st_ino != root.st_ino:
        return real
    return status(0o040755, known.get(fd, root.st_ino))


def fake_scandir(fd):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    if not isinstance(fd, int):
        return real_scandir(fd)
    if fd in known:
        return Listing(map(lambda i: Entry(f"package-with-a-long-name_{i}.tar.gz", False), range(files)))  # noqa: C417
    return Listing(map(lambda i: Entry(f"d{i}", True), range(directories)))  # noqa: C417


def fake_stat(name, **options):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN201
    if "dir_fd" not in options:
        return real_stat(name, **options)
    return status(0o100644, 10**7 + 3 * int(name[25:-7]))  # gaps: the worst case for runs of inodes


def leave(code: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open(peaks.name, "a") as file:
        file.write(f"{usage}\n")
    if os.getpid() == first:
        with open(peaks.name) as file:
            print(json.dumps({"kilobytes": sum(map(int, file))}), file=sys.stderr, flush=True)
        os.unlink(peaks.name)  # noqa: PTH108
    real_exit(code)


source = open(worker).read()  # noqa: SIM115
code = compile(source, worker, "exec")
os.open, os.fstat, os.scandir, os._exit = fake_open, fake_fstat, fake_scandir, leave  # type: ignore[assignment]
exec(code, {"__name__": "worker"})
os.stat = fake_stat  # type: ignore[assignment]
os.chown = os.fchown = lambda *_, **__: None  # type: ignore[assignment]
leave(importlib.import_module("ownership.program").main())
