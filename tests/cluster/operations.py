"""Follows docs/operations.md as an operator does: its commands, in a folder with what it speaks of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations.md"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```yaml\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"\s+# ends with (\d)$")


def sections() -> dict[str, list[str]]:
    """Heading -> commands; only headings that have some."""
    _, *parts = _SECTION.split(PAGE.read_text())
    found = {
        heading: [line.removeprefix("$ ") for block in _CONSOLE.findall(text) for line in block.splitlines()]
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }
    return {heading: commands for heading, commands in found.items() if commands}


class Operator:
    def __init__(self, environment: dict[str, str], folder: Path, charts: Path) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        self.environment = {**environment, "PATH": path, "NO_COLOR": "1"}
        self.folder = folder
        self.left = sections()
        for room in ("manifests", "scripts"):
            shutil.copytree(ROOT / room, folder / room)
        # The archives are not those that Posit released, so that their rows are needed too.
        fix = folder / "manifests" / "fix" / "agent" / "cron_job.yaml"
        posit = "- https://helm.rstudio.com\n"
        assert posit in fix.read_text()
        rows = f"{posit}                - --catalog\n                - /charts/catalog.yaml\n"
        fix.write_text(fix.read_text().replace(posit, rows))
        shutil.copytree(charts, folder / "charts", ignore=lambda *_: ["index.yaml"])
        for name, content in _FILE.findall(PAGE.read_text()):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content)

    def follow(self, heading: str) -> list[str]:
        """What each command of the section printed."""
        return [self.run(command) for command in self.left.pop(heading)]

    def run(self, command: str) -> str:
        told = _EXPECTED.search(command)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        expected = int(told.group(1)) if told else 0
        assert done.returncode == expected, f"$ {command}\n{done.stdout}\n{done.stderr}"
        return done.stdout
