"""The house as an executable list: who may import whom, what stays light, how large a module may grow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "auditor").rglob("*.py"))
LARGEST = 250
HEAVY = ("kubernetes", "tenacity", "yaml", "msgspec", "structlog", "websocket", "auditor.rules", "auditor.catalog")


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = f"import sys, auditor.cli; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_or_says_why_not(module: Path) -> None:
    lines = module.read_text().splitlines()
    assert len(lines) <= LARGEST or "250 lines" in "\n".join(lines[:40]), f"{len(lines)} lines without a reason"
