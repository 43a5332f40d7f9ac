"""The language of conditions, question by question."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.catalog import load
from auditor.catalog.conditions import holds, kind_of, places
from auditor.catalog.situation import Situation
from auditor.catalog.value_tests import VALUE_TESTS
from auditor.catalog.versions import order, parse, satisfies, within
from auditor.model.catalog import Condition
from auditor.model.keypath import MISSING


def _asked(question: dict[str, Any], user: dict[str, Any], **more: Any) -> bool:
    now = Situation(
        user=user,
        after=more.pop("after", user),
        before=more.pop("before", None),
        to_version=more.pop("to_version", "0.21.0"),
        **more,
    )
    return holds(msgspec.convert(question, Condition), now)


@pytest.mark.parametrize(
    ("question", "user", "answer"),
    [
        ({"set": "a.b"}, {"a": {"b": False}}, True),
        ({"set": "a.b"}, {"a": {"b": None}}, False),
        ({"set": "a.b"}, {"a": "text"}, False),
        ({"null": "a.b"}, {"a": {"b": None}}, True),
        ({"null": "a.b"}, {}, False),
        ({"present": "a"}, {"a": None}, True),
        ({"truthy": "a"}, {"a": "false"}, True),
        ({"truthy": "a"}, {"a": {}}, False),
        ({"truthy": "a.*.x"}, {"a": [{"x": 0}, {"x": 1}]}, True),
        ({"present": "a.*.x"}, {"a": {"k": {"x": 0}}}, True),
        ({"equals": ["a", True]}, {"a": 1}, False),
        ({"equals": ["a", 1]}, {"a": 1.0}, True),
        ({"is": ["a", "absent"]}, {}, True),
        ({"is": ["a", "absent"]}, {"a": None}, False),
        ({"is": ["a", "list"]}, {"a": []}, True),
        ({"matches": ["a", "^b"]}, {"a": "bc"}, True),
        ({"matches": ["a", "1"]}, {"a": 1}, False),
        ({"all": [{"present": "a"}, {"not": {"present": "b"}}]}, {"a": 1}, True),
        ({"any": [{"present": "b"}, {"always": False}]}, {"a": 1}, False),
    ],
)
def test_question(question: dict[str, Any], user: dict[str, Any], answer: bool) -> None:
    assert _asked(question, user) is answer


def test_templates_see_defaults_and_the_user_question_does_not() -> None:
    assert _asked({"truthy": "a"}, {}, after={"a": True})
    assert not _asked({"set": "a"}, {}, after={"a": True})


def test_before_looks_at_the_running_chart_and_knows_nothing_without_it() -> None:
    question = {"before": {"truthy": "a"}}
    assert _asked(question, {}, before={"a": True}, after={"a": False})
    assert not _asked(question, {}, before=None)


@pytest.mark.parametrize(
    ("start", "text", "answer"), [("0.8.0", "<0.9.0", True), ("0.20.0", "<0.9.0", False), (None, "<0.9.0", False)]
)
def test_from_version(start: str | None, text: str, answer: bool) -> None:
    assert _asked({"from_version": text}, {}, from_version=start) is answer


def test_versions_are_ordered_as_numbers() -> None:
    assert order("0.9.0") < order("0.20.0") < order("0.20.0+build") or order("0.20.0") == order("0.20.0+build")
    assert within("0.20.5", "0.20.0", "0.20.6")
    assert not within("0.20.6", "0.20.0", "0.20.6")
    assert satisfies("0.20.5", ">=0.20.0 <0.21.0")


def test_versions_of_repackaged_charts_have_their_place_among_the_others() -> None:
    """They are SemVer and no PEP 440, and were taken for the oldest of all."""
    versions = ["0.20.12", "0.20.13-1", "0.20.13-2.1", "0.20.13-acme.1", "v0.20.13", "0.21.0-SNAPSHOT", "0.21.0-pr5"]
    assert all(order(one) < order(other) for one, other in pairwise(versions))
    assert order("2026.4") == order("2026.04.0") == order("2026.04.0.0+build.1") < order("2026.04.0.1")
    assert within("0.20.13-acme.1", "0.20.0", "0.21.0")


@pytest.mark.parametrize("text", ["", "jammy-2026.08.0", "main", "1..2", "1.0_x"])
def test_what_is_no_version_has_no_place(text: str) -> None:
    assert parse(text) is None
    with pytest.raises(ValueError, match="no version"):
        order(text)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(MISSING, "absent"), (None, "null"), (True, "bool"), (1, "number"), ("", "string"), ([], "list"), ({}, "map")],
)
def test_kind(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_places_name_keys_and_indexes() -> None:
    assert [path for path, _ in places({"a": [{"b": 1}, {"b": 2}]}, "a.*.b")] == [("a", 0, "b"), ("a", 1, "b")]


_NO_HEADS = [{"metadata": 1.5}, {"metadata": {"annotations": {"a": {}}}}, {"metadata": {"annotations": ["a"]}}]
_HEADS = [
    {"metadata": None},
    {"metadata": "{{ x }}"},
    {"kind": 2, "metadata": {"name": 5, "annotations": {"a": 1}}},
]


@pytest.mark.parametrize(
    ("test", "yes", "no"),
    [
        (
            "gcfg-exponent",
            [1_000_000, 1_048_576, -2_000_000, [5, 1e6], 0.00001],
            [999_999, True, "1000000", 0, 0.5, None],
        ),
        ("gcfg-map", [{"a": 1}, [{"a": 1}], [[1]]], ["a", [1], {}.get("x")]),
        ("gcfg-comment", ["a#b", "a;b", '"a" # b', ["x;"]], ["a", '"a;b#c"', 5, r'"a\";"']),
        ("gcfg-line-break", ["a\nb", ["a\nb"]], ["a", "a\n", 3]),
        ("false-in-quotes", ["false", "No", "off"], ["true", "", False, None]),
        ("go-template", ["{{ x }}"], ["{ x }", 1]),
        (
            "breaks-yaml",
            ["a: b", "a\nb", "{{ .x }}", "a:", ["a]"], "{", "[a", '"a', "- a", "*", "@a", "%a"],
            ["a", "5Gi", "50%", ["sh", "-c"], 5, None, {"a": 1}, "&a", "a #b", "[a, b]", "a\n", ""],
        ),
        ("breaks-yaml-unless-map", ["a: b", ["a]"]], ["/a", {"path": " a: b"}, {"path": "a"}]),
        ("breaks-name", ["a\n", "a: b", "{a: b}"], ["a", "a-b", "", None, 5]),
        ("breaks-key", ["~", "null", "a: b", "[a", [], ["a"], "%a", "'a"], ["a.lic", "a b", 5, None, ""]),
        ("breaks-lines", ["a\nb"], ["a", "a\n", "a: b", "{", 5, None, ""]),
        ("open-template", ["{{ a", "{{ a }} {{ b", ["{{"], {"a": {"b": "{{"}}], ["{{ a }}", "}}", "a", 5, None]),
        ("breaks-quotes", ['a"b', "a\\d"], ["a: b", "{", "a'b", 5, None, ["a"], ""]),
        (
            "no-manifest",
            [
                "just words",
                "- a",
                "{",
                "a: b\n---\nwords",
                "metadata: words",
                {"kind": []},
                {"metadata": "~"},
                *_NO_HEADS,
            ],
            ["a: b", "", "# note", "{{ x }}", {"a": 1}, '{"a": 1}', "---\na: b\n---\n", *_HEADS],
        ),
    ],
)
def test_value_test(test: str, yes: list[object], no: list[object]) -> None:
    assert [value for value in yes if not VALUE_TESTS[test](value)] == []
    assert [value for value in no if VALUE_TESTS[test](value)] == []


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=8,
)


@given(value=_ANY)
def test_value_tests_take_anything(value: Any) -> None:
    for test in VALUE_TESTS.values():
        assert test(value) in (True, False)


@given(values=st.dictionaries(st.sampled_from(["config", "launcher", "backends", "sharedStorage", "image"]), _ANY))
def test_every_condition_takes_any_values(values: dict[str, Any]) -> None:
    for chart in load().charts:
        now = Situation(
            user=values, after=values, before=values, from_version="0.3.0", to_version=chart.newest, reuse_values=True
        )
        for row in (*chart.fails, *chart.hazards, *chart.changes):
            assert holds(row.when, now) in (True, False)
