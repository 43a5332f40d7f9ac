"""What the targets of the Makefile run, as `make --dry-run` lists it."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
CHECKS = ("ruff check", "ruff format --check", "mypy", "lint-imports")


def listed(*arguments: str) -> list[str]:
    """The lines that `make` would run. None of them is run."""
    asked = ["make", "--no-print-directory", "--dry-run", *arguments]
    done = subprocess.run(asked, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_make_test_runs_every_check_and_pytest_last() -> None:
    """`.ci/run` runs `make test`, and reads pytest's closing line as the last one."""
    lines = listed("test")
    checks = [next(number for number, line in enumerate(lines) if line.endswith(check)) for check in CHECKS]
    tests = next(number for number, line in enumerate(lines) if "-m pytest" in line)

    assert max(checks) < tests
    assert tests == len(lines) - 1


def test_ci_runs_make_test() -> None:
    assert "exec make test </dev/null" in (CHECKOUT / ".ci" / "run").read_text()
