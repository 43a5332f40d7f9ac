"""Run posit-audit as if there were no POSIX, as on Windows: what our modules get from an import is what is there.

    python tests/without_posix.py scan ...            the program
    python tests/without_posix.py import MODULE ...   imports

Python's own modules and the libraries have their branches for Windows, which can't be taken here: they keep what they
need. The lock of Windows is made of one of this machine's, and an open
file can't be moved.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import os
import sys
import types
from pathlib import Path
from typing import Any

MISSING = {
    "os": "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_PATH O_TMPFILE WNOHANG chown fchown fork getegid geteuid"
    " getgid getgroups getresuid getuid initgroups killpg lchown major mkfifo mknod nice pipe2 pread preadv pwrite"
    " register_at_fork sched_getaffinity setegid seteuid setgid setgroups setsid setuid statvfs sync sysconf uname"
    " wait wait3 waitid",
    "signal": "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 SIGWINCH SIGTSTP alarm pthread_sigmask"
    " setitimer sigwait",
    "select": "epoll kqueue poll",
}
ABSENT = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
original, moving = builtins.__import__, Path.replace


class Poorer(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name in MISSING[self.__name__].split():
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(sys.modules[self.__name__], name)


class Msvcrt(types.ModuleType):
    LK_UNLCK, LK_NBLCK = 0, 2

    @staticmethod
    def locking(descriptor: int, mode: int, count: int) -> None:
        """From the descriptor's position on. A byte of the journal must stay readable for others."""
        assert os.lseek(descriptor, 0, os.SEEK_CUR) > os.fstat(descriptor).st_size
        assert count == 1
        try:
            fcntl.flock(descriptor, fcntl.LOCK_UN if mode == Msvcrt.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None


def importing(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002 - Python's words
    """In the place of `__import__`."""
    top = name.partition(".")[0]
    if level or (globals or {}).get("__name__", "").partition(".")[0] != "auditor":
        return original(name, globals, locals, fromlist, level)
    if name == "msvcrt":
        return Msvcrt(name)
    if top in ABSENT:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = original(name, globals, locals, fromlist, level)
    return Poorer(top) if name in MISSING else module


def replace(source: Path, target: Any) -> Path:
    if source.resolve() in [number.resolve() for number in Path("/proc/self/fd").iterdir()]:
        raise PermissionError(errno.EACCES, "The process cannot access the file", str(source))
    return moving(source, target)


if __name__ == "__main__":
    builtins.__import__ = importing
    Path.replace = replace  # type: ignore[method-assign]
    sys.path.pop(0)  # this folder
    sys.argv[0] = "posit-audit"
    if sys.argv[1] == "import":
        for module in sys.argv[2:]:
            importing(module, {"__name__": "auditor"})
    else:
        from auditor.__main__ import main

        main()
