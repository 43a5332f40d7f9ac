"""compare_charts says what a new chart version brings, and what the catalog lacks of it."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from auditor.catalog import load
from scripts.compare_charts import differences, gaps, main, read

CHARTS = Path(__file__).parent.parent / "charts"
NEWEST = CHARTS / "rstudio-pm-0.20.4"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A chart version that nobody knows yet."""
    folder = tmp_path / "rstudio-pm"
    shutil.copytree(NEWEST, folder)
    about = (folder / "Chart.yaml").read_text().replace("version: 0.20.4", "version: 0.22.0", 1)
    (folder / "Chart.yaml").write_text(about)
    values = (folder / "values.yaml").read_text().replace("replicas: 1", "replicas: 2", 1)
    (folder / "values.yaml").write_text(f"{values}\nretention: {{days: 30}}\n")
    with (folder / "templates" / "NOTES.txt").open("a") as notes:
        notes.write('{{ if .Values.retention.days }}{{ fail "`retention.days` must not be set" }}{{ end }}\n')
    return folder


def test_nothing_differs_between_a_chart_and_itself() -> None:
    chart = read(NEWEST)
    assert not any(differences(chart, chart).values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rstudio-pm-0.3.9", "rstudio-pm-0.5.29"),
        ("rstudio-pm-0.5.29", "rstudio-pm-0.20.4"),
        ("rstudio-connect-0.7.4", "rstudio-connect-0.21.0"),
    ],
)
def test_the_catalog_covers_the_charts_that_it_knows(old: str, new: str) -> None:
    """Defaults included: the stand-in charts have those of the originals."""
    before, after = read(CHARTS / old), read(CHARTS / new)
    assert gaps(before, after, load().chart(after.name)) == []


def test_what_a_new_version_brings_is_listed(newer: Path) -> None:
    found = differences(read(NEWEST), read(newer))
    assert found["new keys"] == ["retention.days = 30"]
    assert found["defaults changed"] == ["replicas: 1 -> 2"]
    assert found["newly read by templates"] == ["retention.days"]
    assert found["stops newly"] == ["templates/NOTES.txt: `retention.days` must not be set"]


def test_what_the_catalog_lacks_is_listed(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(NEWEST), str(newer)]) == 1
    told = capsys.readouterr().out
    assert "not covered by the catalog: 5" in told
    for line in (
        "releases: 0.22.0",
        "defaults: retention.days = 30",
        "changes: replicas: moves",
        "fails: templates/NOTES.txt",
    ):
        assert line in told


def test_the_rows_that_it_prints_close_what_needs_no_judgement(
    newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(NEWEST), str(newer), "--rows"])
    rows = tmp_path / "rows.json"
    rows.write_text(capsys.readouterr().out)
    left = gaps(read(NEWEST), read(newer), load([rows]).chart("rstudio-pm"))
    assert {gap.table for gap in left} == {"changes", "fails"}
    assert json.loads(rows.read_text())["releases"]["rstudio-pm"][0]["version"] == "0.22.0"


def test_an_archive_is_read_as_its_folder(tmp_path: Path) -> None:
    archive = tmp_path / "rstudio-pm-0.20.4.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(NEWEST, "rstudio-pm")
    assert read(archive) == read(NEWEST)


def test_a_chart_that_is_nowhere_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="was not found"):
        main([str(NEWEST), "rstudio-pm@9.9.9", "--chart", str(tmp_path)])
