"""Which stored values hold a template that Helm would run."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.catalog import load
from auditor.values.templates import chart_only, on_one_line, templates

PM = load().chart("rstudio-pm")
DEFAULT = "{{ if .Values.enableSandboxing }}Unconfined{{ else }}RuntimeDefault{{ end }}"
TEMPLATE = '{{ (lookup "v1" "Secret" "other" "it").data }}'


@pytest.mark.parametrize(
    ("values", "keys"),
    [
        ({"replicas": 1, "pod": {"env": [{"name": "A", "value": "{ {"}]}}, ()),
        ({"pod": {"containerSecurityContext": {"seccompProfile": {"type": DEFAULT}}}}, ()),
        ({"pod": {"containerSecurityContext": {"seccompProfile": {"type": f"{DEFAULT} "}}}}, ("seccompProfile.type",)),
        ({"pod": {"containerSecurityContext": {"runAsUser": DEFAULT}}}, ("containerSecurityContext.runAsUser",)),
        ({"pod": {"containerSecurityContext": {"mine": {"deep": TEMPLATE}}}}, ("pod.containerSecurityContext",)),
        ({"pod": {"env": [{"value": "x"}, {"value": [TEMPLATE]}]}}, ("pod.env",)),
        ({"pod": {"annotations": {TEMPLATE: "x"}}}, ("pod.annotations",)),
        ({TEMPLATE: "x", "secret": [TEMPLATE]}, ("",)),
        ({"extraObjects": [TEMPLATE, {"data": {"a": TEMPLATE}}], "mine": TEMPLATE}, ("extraObjects", "")),
        ({"rstudio-library": {"a": TEMPLATE}, "global": [TEMPLATE]}, ("",)),
    ],
)
def test_each_is_named_as_far_as_the_chart_knows_its_key(values: dict[str, Any], keys: tuple[str, ...]) -> None:
    found = templates(values, PM)
    assert len(found) == len(keys)
    assert all(name.endswith(key) for name, key in zip(found, keys, strict=True))


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        ("pod.env", ("",)),
        ("pod", ("",)),
        ("po", ("pod.env", "")),
        ("", ("pod.env", "")),
        ("podx", ("pod.env",)),
    ],
)
def test_a_key_allows_what_is_at_or_below_it(allowed: str, left: tuple[str, ...]) -> None:
    assert templates({"pod": {"env": [{"value": TEMPLATE}]}, "podx": TEMPLATE}, PM, (allowed,)) == left


def test_only_extra_objects_are_not_the_charts_own() -> None:
    assert chart_only({"extraObjects": [1], "pod": {"extraObjects": 1}}) == {"pod": {"extraObjects": 1}}


@pytest.mark.parametrize("mark", ["\n", "\r", "\u2028", "\x85"])
def test_no_text_keeps_a_line_break(mark: str) -> None:
    values = {f"a{mark}b": [f"x{mark}---{mark}y", 1, None, True], "one": "a  b"}
    assert on_one_line(values) == {"a b": ["x --- y", 1, None, True], "one": "a  b"}
