"""What this machine and this process have: processors, descriptors, capabilities."""

from __future__ import annotations

import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROCESSES_MAX = 8
THREADS_MAX = 256  # over all processes
THREADS_LEAST = 16  # that each process may have
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return "unknown-%d" % os.getpid()


def cpus() -> int:
    """CPUs this process may use: its affinity, and less if the container has a quota."""
    count = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, count)


def hands() -> tuple[int, int]:
    """(processes, threads that each of them may have)."""
    processes = max(1, min(cpus(), PROCESSES_MAX))
    return processes, max(THREADS_LEAST, THREADS_MAX // processes)


def descriptors() -> int:
    """Directories that may be open at a time, as far as the limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    best = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < best:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
            soft = best
        except (OSError, ValueError):
            pass
    return max(64, min(soft if soft != resource.RLIM_INFINITY else best, 8192) - 2 * THREADS_MAX - 64)


def open_below(root_fd: int, parts: Iterable[str]) -> int:
    """A directory below another, without following any link."""
    fd = os.dup(root_fd)
    for part in parts:
        try:
            below = os.open(part, DIRECTORY_FLAGS, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def may_chown() -> bool:
    """Whether this process has CAP_CHOWN (bit 0): then a refusal comes from the server or the file, not from us."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) & 1)
    except OSError:
        pass
    return os.geteuid() == 0


def settle(fd: int) -> None:
    """Put the file system of fd on disk; all of them if syncfs can't be reached."""
    try:
        import ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(fd) == 0:
            return
    except (ImportError, OSError, AttributeError):
        pass
    os.sync()
