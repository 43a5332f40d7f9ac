"""What `explain` and `rules` print, from the rules themselves."""

from __future__ import annotations

import json

import pytest

from auditor.report.explain import explain, listing, listing_json
from auditor.rules import discover

RULES = {loaded.id: loaded.rule for loaded in discover()}


def test_a_rule_is_explained_with_all_that_it_declares() -> None:
    rule = RULES["volume-files-wrong-owner"]
    text = explain("volume-files-wrong-owner", rule)
    for part in (rule.title, rule.why, rule.remedy, rule.source, "error", "Posit Package Manager", "ownership"):
        assert part in text
    assert "where it can: claims, events, pod security, pods, volumes, workload" in text


def test_an_explanation_is_wrapped_for_a_terminal() -> None:
    text = explain("volume-files-wrong-owner", RULES["volume-files-wrong-owner"], width=60)
    assert max(len(line) for line in text.splitlines() if "https:" not in line) <= 60
    assert RULES["volume-files-wrong-owner"].source in text


def test_the_listing_has_one_line_for_each_rule_by_id() -> None:
    lines = listing(RULES.items()).splitlines()
    assert [line.split()[0] for line in lines] == sorted(RULES)
    assert all(RULES[line.split()[0]].title in line for line in lines)


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_the_listing_as_json_tells_all_of_a_rule(rule_id: str) -> None:
    listed = json.loads(listing_json(RULES.items()))
    (rule,) = [rule for rule in listed["rules"] if rule["id"] == rule_id]
    assert listed["schema"] == "posit-audit.rules/v1"
    assert rule["severity"] == RULES[rule_id].severity
    assert rule["reads"] == sorted(RULES[rule_id].reads)
