"""The fallback with POSIX tools keeps the same promises where it can."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditor.worker import bundle
from tests.worker.ownership_run import GID, UID, owner, owners, plant

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")
SCRIPT = bundle.PACKAGE.with_suffix(".sh")
RIGHT = (UID, GID)


def posix(root: Path, *args: object, uid: object = UID) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        ["sh", str(SCRIPT), str(root), str(uid), str(GID), *map(str, args)], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "vol ume"
    plant(root, 6, 5)
    (root / "two\nlines").mkdir()
    (root / "two\nlines" / 'it\'s "one"').touch()
    (root / "link").symlink_to("/etc/passwd")
    return root


def test_it_changes_what_is_wrong_and_only_that(tree: Path) -> None:
    right = tree / "0" / "d0" / "f0"
    os.chown(right, *RIGHT)
    ctime = right.stat().st_ctime_ns
    wrong = len(owners(tree)) - 1
    assert posix(tree, "check")[0] == 2
    code, summary = posix(tree)
    assert (code, summary["wrong"], summary["changed"], summary["complete"]) == (0, wrong, wrong, True)
    assert set(owners(tree).values()) == {RIGHT}
    assert right.stat().st_ctime_ns == ctime
    assert owner(Path("/etc/passwd").stat()) == (0, 0)
    assert posix(tree, "check") == (0, summary | {"mode": "check", "wrong": 0, "changed": 0, "wrong_by_owner": {}})
    assert summary["wrong_by_owner"]["0:0"]["count"] >= wrong - 2


def test_it_leaves_snapshots_alone_and_takes_the_top_last(tree: Path) -> None:
    (tree / "0" / ".snapshot" / "x").mkdir(parents=True)
    (tree / "lost+found").mkdir()
    (tree / ".posit-audit-ownership.state").touch()
    assert posix(tree)[0] == 0
    assert {path for path, who in owners(tree).items() if who != RIGHT} == {
        "0/.snapshot", "0/.snapshot/x", "lost+found", ".posit-audit-ownership.state",
    }  # fmt: skip
    inside = max(path.lstat().st_ctime_ns for path in tree.rglob("*"))
    assert tree.stat().st_ctime_ns >= inside


def test_what_it_cannot_change_keeps_the_top_wrong(tree: Path) -> None:
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-chown", "sh", str(SCRIPT), str(tree), str(UID), str(GID)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, summary["complete"], summary["changed"]) == (1, False, 0)
    assert not summary["root_right"]


def test_wrong_arguments_get_a_sentence(tree: Path) -> None:
    assert posix(tree, uid="root")[1]["event"] == "error"
    assert posix(tree / "nowhere")[1]["event"] == "error"
    assert posix(Path("/"))[1]["event"] == "error"
