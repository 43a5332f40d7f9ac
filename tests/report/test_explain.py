"""What `explain` and `rules` print, from the rules themselves."""

from __future__ import annotations

import json
import re

import pytest

from auditor.report.explain import explain, listing, listing_json
from auditor.rules import discover
from scripts.document_rules import DOCUMENT

LOADED = {loaded.id: loaded for loaded in discover()}
RULES = {rule_id: loaded.rule for rule_id, loaded in LOADED.items()}


def test_a_rule_is_explained_with_all_that_it_declares() -> None:
    rule = RULES["volume-files-wrong-owner"]
    text = explain("volume-files-wrong-owner", rule)
    for part in (rule.title, rule.why, rule.remedy, rule.source, "error", "Posit Package Manager", "ownership"):
        assert part in text
    assert "where it can: claims, events, pod security, pods, volumes, workload" in text


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_an_explanation_has_every_word_of_the_rules_section(rule_id: str) -> None:
    """docs/rules.md says that `explain` prints a section of it."""
    (section,) = re.findall(rf"^## {rule_id}\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    words = re.findall(r"[\w`'-]+", section.replace("**", ""))
    joining = {"also", "it", "can"}  # of the page's "where it can also"
    told = re.findall(r"[\w`'-]+", explain(rule_id, RULES[rule_id], LOADED[rule_id].notes))
    assert {word.lower() for word in words} - {word.lower() for word in told} <= joining


def test_notes_keep_their_paragraphs_and_lists() -> None:
    text = explain("a-rule", RULES["runs-as-root"], "One\nsentence:\n\n- first\n  item\n- second", width=60)
    assert "\n\nNotes\n  One sentence:\n\n  - first item\n  - second\n\nLooks at\n" in text


def test_without_notes_there_is_no_heading_for_them() -> None:
    assert "Notes" not in explain("runs-as-root", RULES["runs-as-root"])


def test_an_explanation_is_wrapped_for_a_terminal() -> None:
    text = explain("volume-files-wrong-owner", RULES["volume-files-wrong-owner"], width=60)
    assert max(len(line) for line in text.splitlines() if "https:" not in line) <= 60
    assert RULES["volume-files-wrong-owner"].source in text


def test_the_listing_has_one_line_for_each_rule_by_id() -> None:
    lines = listing(RULES.items()).splitlines()
    assert [line.split()[0] for line in lines] == sorted(RULES)
    assert all(RULES[line.split()[0]].title in line for line in lines)


@pytest.mark.parametrize(
    ("rule_id", "products"),
    [("runs-as-root", "Package Manager"), ("launcher-in-use", "Connect"), ("release-stuck", "both")],
)
def test_the_listing_tells_the_products_in_a_column_of_their_own(rule_id: str, products: str) -> None:
    lines = listing(RULES.items()).splitlines()
    (line,) = [line for line in lines if line.startswith(f"{rule_id} ")]
    column = max(map(len, RULES)) + len("  warning  ")
    assert line[column:].startswith(f"{products} ")
    assert line[column:].removeprefix(products).strip() == RULES[rule_id].title


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_the_listing_as_json_tells_all_of_a_rule(rule_id: str) -> None:
    listed = json.loads(listing_json(RULES.items()))
    (rule,) = [rule for rule in listed["rules"] if rule["id"] == rule_id]
    assert listed["schema"] == "posit-audit.rules/v1"
    assert rule["severity"] == RULES[rule_id].severity
    assert rule["reads"] == sorted(RULES[rule_id].reads)
