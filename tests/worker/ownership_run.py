"""How the tests run the worker: in this process with one thread, or alone as in a Job, whole or with a fault put in."""

# Descriptors, lstat and bytes paths are what is at stake here.
# ruff: noqa: PTH118

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKER = Path(__file__).parents[2] / "auditor" / "worker" / "ownership.py"
UID, GID = 54321, 54322
LOADER = (
    "import sys\n"
    "source = open({worker!r}).read()\n"
    "{change}\n"
    "exec(compile(source, {worker!r}, 'exec'), {{'__name__': '__main__'}})\n"
)
WITHOUT_CTYPES = "import sys\nsys.modules['ctypes'] = None"
"""A change that makes the worker look at each entry by itself, through os.stat."""


@dataclass(frozen=True, kw_only=True)
class Run:
    code: int
    lines: list[dict[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        assert self.lines, "the worker said nothing"
        assert self.lines[-1]["event"] == "summary", self.lines[-1]
        return self.lines[-1]


ALONE = ("-I", "-S")
"""As in the Job's pod."""
MEASURED = () if "COVERAGE_PROCESS_CONFIG" in os.environ else ALONE
"""What measures coverage comes in through `site`, so it must be let in where it is asked for."""


def command(root: Path | str, *args: object, change: str = "pass") -> list[str]:
    """The worker's command line; change is Python run before it, with its source in `source`."""
    start = [str(WORKER)] if change == "pass" else ["-c", LOADER.format(worker=str(WORKER), change=change)]
    owner = [] if "--uid" in args else ["--uid", str(UID), "--gid", str(GID)]
    # A run whose calls are counted counts its own calls only.
    return [sys.executable, *(MEASURED if change == "pass" else ALONE), *start, str(root), *owner, *map(str, args)]


def alone(root: Path | str, *args: object, change: str = "pass", **options: Any) -> Run:
    done = subprocess.run(
        command(root, *args, change=change), capture_output=True, text=True, timeout=60, check=False, **options
    )
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
