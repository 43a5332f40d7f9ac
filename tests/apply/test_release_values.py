"""Edits of user-supplied values, and a text from which Helm reads just these values."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.apply.release_values import as_yaml, edited
from auditor.model.action import ValueEdit
from auditor.values.document import Document
from tests.steps import edit


@pytest.mark.parametrize(
    ("values", "edits", "expected"),
    [
        ({"a": 1}, [edit("set", "b.c", 2)], {"a": 1, "b": {"c": 2}}),
        ({"a": {"b": 1, "c": 2}}, [edit("delete", "a.b")], {"a": {"c": 2}}),
        ({"a": {"b": 1}}, [edit("delete", "a.b")], {}),
        ({"a": 1}, [edit("delete", "x.y")], {"a": 1}),
        ({"old": {"x": 1}}, [edit("rename", "old", to="new.place")], {"new": {"place": {"x": 1}}}),
        ({"old": None}, [edit("rename", "old", to="new")], {"new": None}),
        ({"a": 1}, [edit("rename", "old", to="new")], {"a": 1}),
        ({"old": 1, "new": 2}, [edit("rename", "old", to="new")], {"new": 2}),
        ({}, [], {}),
    ],
)
def test_edits(values: dict[str, Any], edits: list[ValueEdit], expected: dict[str, Any]) -> None:
    before = repr(values)
    assert edited(values, edits) == expected
    assert repr(values) == before
    assert edited(expected, edits) == expected


def test_helm_reads_back_what_was_written() -> None:
    values = {
        "y": "no",
        "n": 1000000,
        "s": "1e3",
        "nested": {"a.b": ["08", None, True, {"x": "\x7f\u2028😀\n"}], "e": {}},
    }
    assert Document.parse(as_yaml(values)).data == values
    assert Document.parse(as_yaml({})).data == {}
