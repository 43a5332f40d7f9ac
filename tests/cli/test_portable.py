"""`lint`, `migrate` and `scan` start where there is no POSIX: Windows, and what macOS lacks of Linux."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What our modules get from an import, as it is on Windows. Python's own and the libraries have their branches for it,
# which can't be taken here: they keep what they need.
WITHOUT = """
import builtins, os, select, signal, sys, types
missing = {
    "os": "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_PATH O_TMPFILE WNOHANG chown fchown fork getegid geteuid"
        " getgid getgroups getresuid getuid initgroups killpg lchown major mkfifo mknod nice pipe2 pread preadv pwrite"
        " register_at_fork sched_getaffinity setegid seteuid setgid setgroups setsid setuid statvfs sync sysconf uname"
        " wait wait3 waitid",
    "signal": "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 SIGWINCH SIGTSTP alarm pthread_sigmask"
        " setitimer sigwait",
    "select": "epoll kqueue poll",
}
absent = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
original = builtins.__import__

class Poorer(types.ModuleType):
    def __getattr__(self, name):
        if name in missing[self.__name__].split():
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(sys.modules[self.__name__], name)

def importing(name, globals=None, *others):
    module = original(name, globals, *others)
    top = name.partition(".")[0]
    if (globals or {}).get("__name__", "").partition(".")[0] != "auditor" or (len(others) > 2 and others[2]):
        return module
    if top in absent:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return Poorer(top) if name in missing else module

builtins.__import__ = importing
sys.argv[0] = "posit-audit"
if sys.argv[1] == "import":
    importing(sys.argv[2], {"__name__": "auditor"})
else:
    from auditor.__main__ import main
    main()
"""


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KUBECONFIG": str(folder / "none"), "XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Traceback" not in done.stdout, done.stdout
    return done


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text("enableMigrations: true\n")
    return path


def test_lint(values: Path, tmp_path: Path) -> None:
    done = run("lint", str(values), "--chart-name", "rstudio-pm", folder=tmp_path)

    assert "enableMigrations" in done.stdout
    assert done.returncode in {0, 2}


def test_migrate(values: Path, tmp_path: Path) -> None:
    done = run("migrate", str(values), "--chart-name", "rstudio-pm", folder=tmp_path)

    assert "enableMigration" in done.stdout + done.stderr
    assert done.returncode in {0, 2}


def test_migrate_writes(values: Path, tmp_path: Path) -> None:
    run("migrate", str(values), "--chart-name", "rstudio-pm", "--write", folder=tmp_path)

    assert "enableMigrations" not in values.read_text()


def test_everything_that_a_scan_imports(tmp_path: Path) -> None:
    """Most of it is imported when a cluster has answered."""
    assert run("import", "auditor.pipeline.scan", folder=tmp_path).returncode == 0


def test_the_imports_are_blocked(tmp_path: Path) -> None:
    """A journal is locked, which only `fix --apply` needs."""
    with pytest.raises(AssertionError, match="No module named 'fcntl'"):
        run("import", "auditor.apply.journal", folder=tmp_path)


def test_scan_asks_for_a_cluster(tmp_path: Path) -> None:
    done = run("scan", folder=tmp_path)

    assert done.returncode == 1
    assert "kubeconfig" in done.stderr.lower()


@pytest.mark.parametrize("command", ["fix", "undo", "preflight", "rules", "explain"])
def test_help_of_the_others(command: str, tmp_path: Path) -> None:
    assert run(command, "--help", folder=tmp_path).returncode == 0
