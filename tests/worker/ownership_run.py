"""How the tests run the worker: in this process with one thread, or alone as in a Job, whole or with a fault put in."""

# Descriptors, lstat and bytes paths are what is at stake here.
# ruff: noqa: PTH118

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.worker import bundle

UID, GID = 54321, 54322
LOADER = (
    "import sys\n"
    "source = open({worker!r}).read()\n"
    "{change}\n"
    "exec(compile(source, {worker!r}, 'exec'), {{'__name__': '__main__'}})\n"
)


def edited(*changes: tuple[str, str]) -> str:
    """A change of the program's text, which must be there to be changed."""
    return "".join(
        f"assert {old!r} in source, {old!r}\nsource = source.replace({old!r}, {new!r})\n" for old, new in changes
    )


def hands(processes: int, threads: int) -> str:
    """Before another change: as many, whatever the machine has and the volume answers."""
    return edited(
        ("max(1, min(cpus(), PROCESSES_MAX))", str(processes)),
        ("max(1, self._known())", str(threads)),
        ("max(1, min(threads, self.job.threads_max))", str(threads)),
    )


ONE_THREAD = hands(1, 1)
"""All of the work in the order of the listings."""


def mounted_as(kind: str, source: str) -> str:
    """Before another change: as if everything were on such a file system."""
    first = "def mount_of(path: str) -> tuple[str, str]:\n"
    return edited((first, f"{first}    return {(kind, source)!r}\n"))


WITHOUT_CTYPES = "import sys\nsys.modules['ctypes'] = None"
"""A change that makes the worker look at each entry by itself, through os.stat."""


@dataclass(frozen=True, kw_only=True)
class Run:
    code: int
    lines: list[dict[str, Any]]

    @property
    def refusal(self) -> dict[str, Any]:
        assert self.lines[-1]["event"] == "refusal", self.lines[-1]
        return self.lines[-1]

    @property
    def summary(self) -> dict[str, Any]:
        assert self.lines, "the worker said nothing"
        assert self.lines[-1]["event"] == "summary", self.lines[-1]
        return self.lines[-1]


ALONE = ("-I", "-S")
"""As in the Job's pod."""
MEASURED = "COVERAGE_PROCESS_CONFIG" in os.environ
"""What measures coverage comes in through `site`, so it must be let in then; and it has to find the sources."""


@functools.cache
def program() -> Path:
    """The program as it is shipped, in a file."""
    folder = Path(tempfile.mkdtemp(prefix="posit-audit-worker-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    text = bundle.program().decode()
    if MEASURED:
        nowhere = 'FOLDER = ""'
        assert nowhere in text
        text = text.replace(nowhere, f"FOLDER = {str(bundle.PACKAGE.parent) + '/'!r}")
    (folder / bundle.NAME).write_text(text)
    return folder / bundle.NAME


def command(root: Path | str, *args: object, change: str = "pass", counted: bool = False) -> list[str]:
    """The worker's command line; change is Python run before it, with its source in `source`. A run whose calls are
    counted counts its own calls only, so that its coverage is not measured."""
    worker = str(program())
    start = [worker] if change == "pass" else ["-c", LOADER.format(worker=worker, change=change)]
    owner = [] if "--uid" in args else ["--uid", str(UID), "--gid", str(GID)]
    alone = ALONE if counted or not MEASURED else ()
    return [sys.executable, *alone, *start, str(root), *owner, *map(str, args)]


def alone(root: Path | str, *args: object, change: str = "pass", counted: bool = False, **options: Any) -> Run:
    done = subprocess.run(
        command(root, *args, change=change, counted=counted),
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    return Run(code=done.returncode, lines=lines)


def owners(root: Path | str) -> dict[str, tuple[int, int]]:
    """Path below root -> (uid, gid), by lstat, root itself as "."."""
    found = {".": owner(os.lstat(root))}
    for folder, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = owner(os.lstat(path))
    return found


def owner(status: os.stat_result) -> tuple[int, int]:
    return status.st_uid, status.st_gid


def plant(root: Path, directories: int, files: int) -> None:
    for i in range(directories):
        folder = root / f"{i % 7:x}" / f"d{i}"
        folder.mkdir(parents=True)
        for j in range(files):
            (folder / f"f{j}").touch()
