"""Every command starts where there is no POSIX: Windows, and what macOS lacks of Linux. What needs a cluster is tried
there (tests/cluster/test_main_job.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import without_posix

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KUBECONFIG": str(folder / "none"), "XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, without_posix.__file__, *arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Traceback" not in done.stdout, done.stdout
    return done


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text("enableMigrations: true\n")
    return path


def test_lint(values: Path, tmp_path: Path) -> None:
    done = run("lint", str(values), "--chart-name", "rstudio-pm", folder=tmp_path)

    assert "enableMigrations" in done.stdout
    assert done.returncode in {0, 2}


def test_migrate(values: Path, tmp_path: Path) -> None:
    done = run("migrate", str(values), "--chart-name", "rstudio-pm", folder=tmp_path)

    assert "enableMigration" in done.stdout + done.stderr
    assert done.returncode in {0, 2}


def test_migrate_writes(values: Path, tmp_path: Path) -> None:
    run("migrate", str(values), "--chart-name", "rstudio-pm", "--write", folder=tmp_path)

    assert "enableMigrations" not in values.read_text()


def test_every_import(tmp_path: Path) -> None:
    """Most of it is imported when a cluster has answered. What runs in a pod needs POSIX."""
    files = [path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / "auditor").rglob("*.py"))]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files]
    ours = [name for name in names if not name.startswith(("auditor.worker.ownership.", "auditor.worker.start"))]
    assert len(ours) > 200
    assert run("import", *ours, folder=tmp_path).returncode == 0


def test_the_imports_are_blocked(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="No module named 'fcntl'"):
        run("import", "auditor.worker.ownership.record", folder=tmp_path)


def test_scan_asks_for_a_cluster(tmp_path: Path) -> None:
    done = run("scan", folder=tmp_path)

    assert done.returncode == 1
    assert "kubeconfig" in done.stderr.lower()


@pytest.mark.parametrize("command", ["fix", "undo", "preflight", "rules", "explain"])
def test_help_of_the_others(command: str, tmp_path: Path) -> None:
    assert run(command, "--help", folder=tmp_path).returncode == 0
