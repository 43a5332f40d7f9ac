"""Settings that gcfg would cut off at a ; or # are put between its quotes where that means the same."""

from __future__ import annotations

import pytest

from auditor.catalog import Chart
from auditor.values.document import Document
from auditor.values.migration import Migration, migrate

KEY = "config.Server.A"


def run(chart: Chart, *settings: str) -> Migration:
    texts = [f"sharedStorage: {{create: true}}\nconfig:\n  Server:\n    A: {setting}\n" for setting in settings]
    return migrate([Document.parse(text, f"{index}.yaml") for index, text in enumerate(texts)], chart)


def setting(document: Document) -> object:
    return document.data["config"]["Server"]["A"]


@pytest.mark.parametrize("text", ["Welcome; enjoy", "|\n      Welcome; enjoy\n"])
def test_a_value_is_quoted_without_its_last_line_break(connect: Chart, text: str) -> None:
    result = run(connect, text)
    assert setting(result.documents[0]) == '"Welcome; enjoy"'
    assert (result.exit_code, migrate(result.documents, connect).changed) == (0, False)


@pytest.mark.parametrize("value", ['a;"b;c"', "C:\\tmp;x", '(&(cn="a";)(x#))', 'p"w#d', "|\n      a;b\n      c\n"])
def test_a_value_with_a_meaning_inside_quotes_waits_for_a_person(connect: Chart, value: str) -> None:
    result = run(connect, value if value.startswith("|") else f"'{value}'")
    assert not result.changed
    assert ("decision", KEY, 4) in [(note.kind, note.key, note.line) for note in result.notes]


def test_a_key_that_moves_is_quoted_before_it_is_compared_with_its_new_place(connect: Chart) -> None:
    both = "Launcher: {DataDirPVCName: 'a#b'}\n  Kubernetes: {DataDirPVCName: 'a#b'}"
    text = f"sharedStorage: {{create: true}}\nconfig:\n  {both}\n"
    result = migrate([Document.parse(text, "values.yaml")], connect)
    assert result.documents[0].data["config"] == {"Kubernetes": {"DataDirPVCName": '"a#b"'}}
    assert not migrate(result.documents, connect).changed


def test_of_several_files_only_the_one_that_needs_it_is_changed(connect: Chart) -> None:
    result = run(connect, "'\"a;b\"'", "'c;d'")
    assert [setting(document) for document in result.documents] == ['"a;b"', '"c;d"']
