"""What the switch to the direct runner would do without a word, and what its owner said about it already."""

from __future__ import annotations

import pytest

from auditor.catalog import Chart
from auditor.values.document import Document
from auditor.values.migration import Migration, migrate

DIRECT = "backends.kubernetes.enabled"


def run(chart: Chart, text: str, from_version: str | None, to_version: str | None = None) -> Migration:
    document = Document.parse(f"sharedStorage: {{create: true, mount: true, subPath: x}}\n{text}", "values.yaml")
    return migrate([document], chart, from_version=from_version, to_version=to_version)


def asked(result: Migration) -> list[str]:
    return [note.key for note in result.notes if note.needs_decision]


@pytest.mark.parametrize("to_version", ["0.9.0", "0.9.1", "0.9.2"])
def test_a_chart_whose_connect_has_no_direct_runner_is_a_question(connect: Chart, to_version: str) -> None:
    result = run(connect, "launcher: {enabled: true}\n", "0.8.10", to_version)
    assert DIRECT in asked(result)
    assert DIRECT not in asked(run(connect, "launcher: {enabled: true}\n", "0.8.10", "0.9.3"))


def test_content_that_the_switch_takes_out_of_its_folder_is_a_question(connect: Chart) -> None:
    result = run(connect, "launcher: {enabled: true}\n", "0.8.30", "0.20.11")
    assert asked(result) == ["sharedStorage.subPath"]
    assert asked(migrate(result.documents, connect, from_version="0.8.30", to_version="0.20.11")) == asked(result)


def test_who_stays_with_the_launcher_is_asked_and_not_switched(connect: Chart) -> None:
    """It is what lint recommends to those who stay."""
    text = "launcher:\n  enabled: true\nbackends:\n  kubernetes:\n    enabled: false # we stay\n"
    result = run(connect, text, "0.9.5")
    assert (result.changed, asked(result)) == (False, [DIRECT])
    note = next(note for note in result.notes if note.needs_decision)
    assert (note.file, note.line) == ("values.yaml", 6)
