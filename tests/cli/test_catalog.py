"""What `posit-audit catalog digest` prints is a catalog file."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditor.catalog import load
from auditor.cli import app
from auditor.errors import UnreadableFile


def chart(parent: Path, name: str = "rstudio-pm") -> Path:
    folder = parent / name
    folder.mkdir()
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.20.4\n")
    return folder


def test_it_is_read_back_as_a_catalog_file(tmp_path: Path) -> None:
    folder, archive = chart(tmp_path), tmp_path / "pm.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "rstudio-pm")
    said = CliRunner().invoke(app, ["catalog", "digest", str(folder), str(archive)])
    assert said.exit_code == 0, said.output
    rows = tmp_path / "rows.yaml"
    rows.write_text(said.stdout)
    known = load([rows])
    assert known.vouches_for("rstudio-pm", "0.20.4", hashlib.sha256(archive.read_bytes()).hexdigest())
    assert said.stdout.count("sha256: ") == 2


def test_what_is_no_chart_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no chart")
    for path in (tmp_path / "none", tmp_path / "text", chart(tmp_path, "another")):
        said = CliRunner().invoke(app, ["catalog", "digest", str(path)])
        assert isinstance(said.exception, UnreadableFile)
        assert str(path) in str(said.exception)


@pytest.mark.parametrize("arguments", [["catalog"], ["catalog", "digest"]])
def test_without_a_file_it_says_what_it_wants(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2
