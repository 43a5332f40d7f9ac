"""The product's own rows are sound, complete and reviewable."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from auditor.catalog import Chart, load
from auditor.catalog.predicates import PREDICATES
from auditor.catalog.reading import check, own_tables
from auditor.catalog.value_tests import VALUE_TESTS
from auditor.values.described import keys_asked

KNOWN = json.loads((Path(__file__).parent / "known_changes.json").read_text())
DATA = Path(__file__).parent.parent.parent / "auditor" / "catalog" / "data"
CHARTS = load().charts


def test_no_row_has_a_mistake() -> None:
    assert check(own_tables()) == []


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.name)
def test_each_row_has_its_line(path: Path) -> None:
    """A change of a row is a change of one line, which can be reviewed."""
    lines = [line.rstrip(",") for line in path.read_text().splitlines() if line.startswith("{") and line != "{"]
    rows = json.loads(path.read_text())
    tables = rows.values() if isinstance(rows, dict) else [rows]
    assert [json.loads(line) for line in lines] == [row for table in tables for row in table]


def test_no_row_speaks_of_a_folder_of_whoever_wrote_it() -> None:
    """A path in a row is one inside a server's container."""
    text = "".join(path.read_text() for path in DATA.glob("*.json"))
    tops = set(re.findall(r"(?<![\w./:>*-])/([a-z]\w*)", text))
    assert tops <= {"etc", "mnt", "opt", "usr", "var"}


def test_every_release_is_known() -> None:
    assert [(chart.name, len(chart.versions), chart.newest) for chart in CHARTS] == [
        ("rstudio-connect", 138, "0.21.0"),
        ("rstudio-pm", 81, "0.20.4"),
    ]


@pytest.mark.parametrize(("chart", "version", "key", "rows"), KNOWN)
def test_every_known_change_has_its_row(chart: str, version: str, key: str, rows: list[str]) -> None:
    history = load().chart(chart)
    ids = {row.id for row in (*history.changes, *history.fails, *history.hazards)}
    if rows == ["default"]:
        assert history.ever_known(key.replace("helm.sh", "helm\\.sh")) is not None
    else:
        assert set(rows) <= ids


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_rows_name_released_versions(chart: Chart) -> None:
    rows = (*chart.changes, *chart.fails, *chart.hazards, *chart.shapes, *chart.surfaces)
    named = {getattr(row, field, None) for row in rows for field in ("version", "since", "until")}
    either = {version for other in CHARTS for version in other.versions}
    assert named - {None} <= either


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_rows_about_a_default_name_a_key_whose_default_moved_there(chart: Chart) -> None:
    oldest = chart.oldest
    for row in chart.changes:
        steps = {step.since for key in row.keys if (known := chart.ever_known(key)) for step in known.steps}
        assert row.about == "behaviour" or row.version in steps | {oldest}, row.id


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_mechanical_rows_say_where_a_key_goes(chart: Chart) -> None:
    for row in (*chart.changes, *chart.fails, *chart.hazards):
        assert not row.mechanical or row.remedy == "removed" or row.to_key is not None, row.id


def test_every_predicate_and_test_is_used() -> None:
    text = "".join(path.read_text() for path in DATA.glob("*.json"))
    assert [name for name in (*PREDICATES, *VALUE_TESTS) if f'"{name}"' not in text] == []


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_conditions_ask_for_keys_that_the_chart_has_had(chart: Chart) -> None:
    """A misspelled key in a condition would never hold."""
    histories = [history.key for history in chart.defaults]
    surfaces = [surface.key for surface in chart.surfaces]
    for row in (*chart.changes, *chart.fails):
        for key in keys_asked(row.when):
            stem = key.split(".*")[0]
            known = any(
                stem == other or other.startswith(f"{stem}.") or stem.startswith(f"{other}.") for other in histories
            )
            read = any(stem == other or stem.startswith(f"{other}.") for other in surfaces)
            assert known or read, (row.id, key)
