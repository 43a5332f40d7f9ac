"""The mechanism of the tables in docs/reliability.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import matrix
from tests.matrix import Cell, Table

TABLE = Table(name="t", title="Title", corner="corner", rows=("a", "b"), columns=("x", "y"), sample=(("a", "y"),))
PAGE = (Path(__file__).resolve().parent.parent / "docs" / "reliability.md").read_text()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "folder", lambda: tmp_path)


def names(cells: list[Cell]) -> list[str]:
    return [cell.row + cell.column for cell in cells]


def test_a_run_of_all_tests_takes_the_sample_whatever_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "ALL", False)
    (cell,) = TABLE.wanted()
    with cell.kept():
        pass
    assert names(TABLE.wanted()) == ["ay"]


def test_a_run_of_the_whole_matrix_takes_what_is_missing_or_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "ALL", True)
    passed, refused, failed, _ = TABLE.wanted()
    with passed.kept():
        passed.saw("deployed")
        passed.saw("stopped")
    with refused.kept():
        refused.refused("no\n tools")
    with pytest.raises(ValueError, match="wrong"), failed.kept():
        raise ValueError("wrong")
    assert names(TABLE.wanted()) == ["bx", "by"]
    assert TABLE.markdown().splitlines()[2:] == [
        "| corner | x | y |",
        "| --- | --- | --- |",
        "| a | passed: deployed; stopped | refused (1) |",
        "| b | failed (2) | not tried |",
        "",
        "- 1: no tools",
        "- 2: wrong",
    ]


def test_the_page_has_every_table_as_it_would_be_printed() -> None:
    for table in matrix.tables():
        rows = re.findall(r"^\| (.+?) \|", PAGE.partition(f"## {table.title}")[2], re.MULTILINE)
        assert rows[: len(table.rows) + 2] == [table.corner, "---", *table.rows]
