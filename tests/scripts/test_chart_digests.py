"""The data gets new archives, and never another digest for one that is known."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from scripts import chart_digests

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64


def run(monkeypatch: pytest.MonkeyPatch, file: Path, **versions: str) -> int:
    entries = [{"version": version.replace("_", "."), "digest": digest} for version, digest in versions.items()]
    index = yaml.safe_dump({"entries": {"rstudio-pm": entries, "rstudio-workbench": [{"version": "1.0.0"}]}})
    monkeypatch.setattr(chart_digests, "FILE", file)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(index.encode())))
    return chart_digests.main()


def test_new_archives_are_added_in_the_order_of_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "archives.json"
    assert run(monkeypatch, file, **{"0_10_0": NEW, "0_9_0": OLD}) == 0
    assert run(monkeypatch, file, **{"0_11_0": OTHER}) == 0
    rows = json.loads(file.read_text())["rstudio-pm"]
    assert [(row["version"], row["sha256"]) for row in rows] == [("0.9.0", OLD), ("0.10.0", NEW), ("0.11.0", OTHER)]


def test_a_known_archive_that_changed_is_reported_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "archives.json"
    run(monkeypatch, file, **{"0_9_0": OLD})
    before = file.read_bytes()
    assert run(monkeypatch, file, **{"0_9_0": OTHER, "0_10_0": NEW}) == 1
    assert "rstudio-pm 0.9.0" in capsys.readouterr().err
    assert file.read_bytes() == before
