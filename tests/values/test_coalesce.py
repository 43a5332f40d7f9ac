"""Values and defaults are put together as Helm does it, nulls above all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.values.coalesce import coalesce, merge


@pytest.mark.parametrize(
    ("user", "defaults", "seen"),
    [
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"c": 2}}, {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}),
        ({"a": [3]}, {"a": [1, 2]}, {"a": [3]}),
        ({"a": None}, {"a": {"b": 1}}, {}),
        ({"a": None}, {"a": None}, {}),
        ({"x": None}, {"a": 1}, {"a": 1, "x": None}),
        ({"a": {"b": None}}, {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        ({"a": {"b": None}}, {"a": {"b": None}}, {"a": {"b": None}}),
        ({"a": {"x": None}}, {"a": {"b": 1}}, {"a": {"b": 1, "x": None}}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": "text"}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": {"b": 1}}),
        ({"a": {"b": {"c": None}}}, {"a": {"b": {}}}, {"a": {"b": {"c": None}}}),
    ],
)
def test_coalesce(user: dict[str, Any], defaults: dict[str, Any], seen: dict[str, Any]) -> None:
    assert coalesce(user, defaults) == seen


@pytest.mark.parametrize(
    ("files", "merged"),
    [
        ([], {}),
        ([{"a": {"b": 1}}, {"a": {"c": 2}}], {"a": {"b": 1, "c": 2}}),
        ([{"a": {"b": 1}}, {"a": None}], {"a": None}),
        ([{"a": None}, {"a": {"b": 1}}], {"a": {"b": 1}}),
        ([{"a": [1]}, {"a": [2]}], {"a": [2]}),
    ],
)
def test_files_merge_and_keep_their_nulls(files: list[dict[str, Any]], merged: dict[str, Any]) -> None:
    assert merge(files) == merged


_TREES = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3) | st.lists(below, max_size=2),
)
_MAPS = st.dictionaries(st.sampled_from("abc"), _TREES, max_size=3)


@given(user=_MAPS, defaults=_MAPS)
def test_neither_side_is_changed(user: dict[str, Any], defaults: dict[str, Any]) -> None:
    before = repr((user, defaults))
    coalesce(user, defaults)
    merge([defaults, user])
    assert repr((user, defaults)) == before


@given(values=_MAPS)
def test_no_values_leave_the_defaults(values: dict[str, Any]) -> None:
    assert coalesce({}, values) == values
