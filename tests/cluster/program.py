"""posit-audit as an admin runs it: a program with arguments, an environment and an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class PositAudit:
    """Runs the program and keeps everything that it ever printed."""

    def __init__(self, environment: dict[str, str], folder: Path, program: Sequence[str] = ("-m", "auditor")) -> None:
        self.program = program
        self.environment = {**environment, "XDG_STATE_HOME": str(folder / "state"), "NO_COLOR": "1"}
        self.folder = folder
        self.printed = ""

    def __call__(self, *arguments: str, expect: int) -> str:
        done = self._run(arguments)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def said(self, *arguments: str) -> str:
        """What it printed, on both ways, however it ended."""
        done = self._run(arguments)
        return done.stdout + done.stderr

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *self.program, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def findings(self, *arguments: str) -> list[dict[str, Any]]:
        return json.loads(self("scan", "-o", "json", "--exit-zero", *arguments, expect=0))["findings"]
