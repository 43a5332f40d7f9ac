"""The house as an executable list: who may import whom, what stays light, how large a module may grow."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "auditor").rglob("*.py"))
LARGEST = 250
ROOMS = {path.stem for path in (ROOT / "auditor").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
ROOMS -= {"__init__", "__main__"}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
HEAVY = ("kubernetes", "tenacity", "yaml", "msgspec", "structlog", "websocket", "auditor.rules", "auditor.catalog")


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def named(field: str, *contracts: str) -> set[str]:
    (*lists,) = (contract[field] for contract in CONTRACTS if contract["name"] in contracts)
    assert len(lists) == len(contracts)
    return {module.removeprefix("auditor.") for modules in lists for module in modules} - {"__main__"}


def test_a_contract_on_every_room_but_one_leaves_out_no_other() -> None:
    pure = "Rules, plan, verify and report do no I/O"  # which forbids the same, and more
    assert named("source_modules", "Only cluster speaks kubernetes", pure) == ROOMS - {"cluster"}
    assert named("source_modules", "Only cli speaks typer") == ROOMS - {"cli"}
    assert named("forbidden_modules", "The worker imports nothing of ours") == ROOMS - {"worker"}


def test_the_page_on_architecture_tells_of_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert set(re.findall(r"^\| `(\w+)(?:/|\.py)` \|", page, re.MULTILINE)) == ROOMS


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = f"import sys, auditor.cli; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_or_says_why_not(module: Path) -> None:
    lines = module.read_text().splitlines()
    assert len(lines) <= LARGEST or "250 lines" in "\n".join(lines[:40]), f"{len(lines)} lines without a reason"
