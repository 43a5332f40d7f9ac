"""What the targets of the Makefile run, as `make --dry-run` lists it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
CHECKS = ("ruff check", "ruff format --check", "mypy", "lint-imports")


def listed(*arguments: str) -> list[str]:
    """The lines that `make` would run. None of them is run. What was said to a `make test` around this test is not
    passed on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "TESTS"}
    asked = ["make", "--no-print-directory", "--dry-run", *arguments]
    done = subprocess.run(asked, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
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


def test_in_a_container_nothing_is_set_up_outside() -> None:
    for target in ("demo", "test"):
        (line,) = listed(target, "CLUSTER_PROVIDER=container")
        assert line.startswith(f"scripts/in-container make {target} ")


def test_some_tests_alone_are_not_asked_to_cover_everything() -> None:
    assert "--cov" in listed("test")[-1]
    assert "--cov" not in listed("test", "TESTS=tests/cli")[-1]


def test_two_checkouts_have_clusters_of_their_own(tmp_path: Path) -> None:
    other = tmp_path / "another folder"
    other.mkdir()
    (other / "scripts").symlink_to(CHECKOUT / "scripts")
    asked = ["make", "--no-print-directory", "--dry-run", f"--makefile={CHECKOUT / 'Makefile'}", "demo"]
    for name in ("requirements.lock", "pyproject.toml"):
        (other / name).touch()
    names = set()
    for folder in (CHECKOUT, other):
        done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
        names |= set(re.findall(r"create cluster --name=(\S+)", done.stdout))

    assert len(names) == 2
