"""Which chart a file is for, what changed in it, and replacing it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from auditor.catalog import Catalog, load
from auditor.errors import UnwritableFile
from auditor.values import files
from auditor.values.document import Document

CATALOG: Catalog = load()


@pytest.mark.parametrize(
    ("values", "chart"),
    [
        ({"launcher": {"enabled": True}}, "rstudio-connect"),
        ({"backends": {"kubernetes": {"enabled": True}}}, "rstudio-connect"),
        ({"image": {"repository": "ghcr.io/rstudio/rstudio-connect"}}, "rstudio-connect"),
        ({"image": {"repository": "mirror.example.com/rstudio/rstudio-package-manager"}}, "rstudio-pm"),
        ({"enableMigration": False}, "rstudio-pm"),
        ({"sharedStorage": {"create": True}}, None),
        ({"launcher": {"enabled": True}, "enableMigration": False}, None),
        ({}, None),
        ({"image": "text", "launcher": ["list"]}, "rstudio-connect"),
        ({"image": {"repository": "posit/package-manager"}, "config": {"Authentication": {}}}, "rstudio-pm"),
        ({"image": {"repository": "connect-mirror/package-manager"}, "rstudioPMKey": "x"}, "rstudio-pm"),
        ({"rstudioPMKey": "x", "config": {"Server": {"DataDir": "/data"}}}, "rstudio-pm"),
        ({"config": {"Authentication": {}}, "resources": {"limits": {"cpu": "1"}}}, "rstudio-connect"),
        ({"resources": {"limits": {"cpu": "1"}}}, None),
        ({"sharedStorage": {"create": True, "path": "/var/lib/rstudio-connect"}}, "rstudio-connect"),
        ({"sharedStorage": {"create": True, "path": "/var/lib/rstudio-pm"}}, "rstudio-pm"),
    ],
)
def test_the_chart_is_guessed_only_when_it_is_clear(values: dict[str, Any], chart: str | None) -> None:
    assert files.guess_chart(values, CATALOG) == chart


def test_the_diff_names_both_sides_and_shows_only_what_changed() -> None:
    lines = files.diff(Document.parse("a: 1\nb: 2\n", "v.yaml"), Document.parse("a: 1\nb: 3", "v.yaml")).splitlines()
    assert lines[:2] == ["--- a/v.yaml", "+++ b/v.yaml"]
    assert lines[-3:] == ["-b: 2", "+b: 3", "\\ No newline at end of file"]


def test_no_change_has_no_diff() -> None:
    assert files.diff(Document.parse("a: 1\n"), Document.parse("a: 1\n")) == ""


def test_writing_replaces_the_file_and_keeps_a_backup_and_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_bytes(b"a: 1\r\n")
    path.chmod(0o640)
    backup = files.write(Document.parse("a: 2\r\n"), path)
    assert (path.read_bytes(), backup.read_bytes()) == (b"a: 2\r\n", b"a: 1\r\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [path, backup]


def test_an_earlier_backup_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("a: 1\n")
    names = [files.write(Document.parse(f"a: {n}\n"), path).name for n in (2, 3, 4)]
    assert names == ["values.yaml.bak", "values.yaml.bak.1", "values.yaml.bak.2"]
    assert (tmp_path / "values.yaml.bak").read_text() == "a: 1\n"


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    target = tmp_path / "real.yaml"
    target.write_text("a: 1\n")
    link = tmp_path / "link.yaml"
    link.symlink_to(target)
    files.write(Document.parse("a: 2\n"), link)
    assert link.is_symlink()
    assert target.read_text() == "a: 2\n"


def test_a_write_that_fails_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("a: 1\n")

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UnwritableFile, match="No space left"):
        files.write(Document.parse("a: 2\n"), path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("values.yaml", "a: 1\n")]
