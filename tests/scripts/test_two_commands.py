"""`make demo` and `make test` as an ordinary user of Debian with sudo runs them, on a fresh checkout."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import packages
from scripts.places import CHECKOUT
from scripts.toolchain import build as toolchain
from tests.scripts.ordinary_user import NUMBER, OrdinaryUser, ordinary_user

pytestmark = pytest.mark.cluster

FOLDER = "a folder with spaces"
_NOT_COPIED = ("./.git", "./.venv", "./.cache", "./.mypy_cache", "./.ruff_cache", "./.hypothesis", "./.pytest-kind")
_SHORTEST = "tests/cluster/test_cluster.py::test_node_is_ready"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, machine_can: None) -> Iterator[OrdinaryUser]:
    """With a checkout in FOLDER, as `git clone` makes one under umask 077."""
    packages.ensure(("sudo",))
    with ordinary_user(tmp_path_factory.mktemp("user"), toolchain.ensure()) as made:
        checkout = made.home / FOLDER
        checkout.mkdir()
        left = [f"--exclude={name}" for name in (*_NOT_COPIED, "__pycache__")]
        packed = subprocess.run(["tar", "-C", str(CHECKOUT), *left, "-c", "."], capture_output=True, check=True)
        subprocess.run(["tar", "-C", str(checkout), "-x"], input=packed.stdout, check=True)
        for folder, folders, files in os.walk(checkout):
            for name in (".", *folders, *files):
                path = Path(folder, name)
                path.chmod(path.stat().st_mode & 0o700)
                os.chown(path, NUMBER, NUMBER)
        yield made


def make(user: OrdinaryUser, target: str) -> str:
    wanted = toolchain.kubernetes_version()  # the one that is compiled
    done = user.run(f"cd {shlex.quote(FOLDER)}; make {target}", KUBERNETES=wanted)
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def test_both_commands_work_and_leave_nothing_of_roots(user: OrdinaryUser) -> None:
    """In a folder with spaces, under umask 077, with no program of root's on PATH, both twice."""
    demo = make(user, "demo")
    assert "all of which need a person" in demo.splitlines()[-2]
    assert user.not_theirs() == []

    tests = make(user, f"--old-file=lint test TESTS={_SHORTEST} PARALLEL=")
    assert "1 passed" in tests.splitlines()[-1]
    assert user.not_theirs() == []
