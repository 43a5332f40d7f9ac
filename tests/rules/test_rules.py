"""What holds for every rule, so that a new one can't be half there."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from auditor import rules
from auditor.model.finding import Result, Rule
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.rules import LoadedRule, discover, judge
from scripts.document_rules import DOCUMENT, document
from tests.builders import UNSEEN, connect, package_manager, snapshot, target

HERE = Path(__file__).parent
RULES = discover()
each_rule = pytest.mark.parametrize("loaded", RULES, ids=lambda loaded: loaded.id)
HEALTHY = {"rstudio-connect": connect, "rstudio-pm": package_manager}


def healthy(loaded: LoadedRule, product: Product, **facets: Any) -> ReleaseState:
    """Rules about upgrades speak where one was asked for."""
    asked = {"target": target(product)} if loaded.rule.upgrade else {}
    return HEALTHY[product](**asked, **facets)


def module_name(loaded: LoadedRule) -> str:
    return loaded.id.replace("-", "_")


def test_every_module_of_the_room_is_a_rule() -> None:
    names = {path.stem for path in Path(rules.__file__).parent.glob("*.py")} - {"__init__"}
    assert {module_name(loaded) for loaded in RULES} == names
    assert all(isinstance(loaded.rule, Rule) for loaded in RULES)


@each_rule
@pytest.mark.parametrize("way", ["fails", "passes", "cannot_tell"])
def test_it_has_tests_for_each_of_its_three_results(loaded: LoadedRule, way: str) -> None:
    tests = import_module(f"tests.rules.test_{module_name(loaded)}")
    assert any(name.startswith(f"test_{way}") for name in dir(tests))
    assert loaded.id == tests.RULE


def test_no_test_is_left_of_a_rule_that_is_gone() -> None:
    about = {path.stem.removeprefix("test_") for path in HERE.glob("test_*.py")} - {"rules", "judge"}
    assert about == {module_name(loaded) for loaded in RULES}


def test_the_document_says_what_the_rules_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(RULES), "run python -m scripts.document_rules"


@each_rule
def test_it_has_a_section_in_the_document(loaded: LoadedRule) -> None:
    assert re.search(rf"^## {loaded.id}$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)


@each_rule
def test_its_source_is_a_public_address(loaded: LoadedRule) -> None:
    assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+/\S+", loaded.rule.source)


@each_rule
def test_it_speaks_in_whole_sentences_under_a_short_title(loaded: LoadedRule) -> None:
    rule = loaded.rule
    assert rule.why.endswith(".")
    assert rule.remedy.endswith(".")
    assert not rule.title.endswith(".")
    assert len(rule.title) <= 80


@each_rule
def test_its_module_fits_on_a_page(loaded: LoadedRule) -> None:
    source = Path(rules.__file__).parent / f"{module_name(loaded)}.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) < 80


@each_rule
def test_it_passes_healthy_releases(loaded: LoadedRule) -> None:
    state = snapshot(*(healthy(loaded, product) for product in loaded.rule.products))
    assert {finding.result for finding in judge(state, [loaded])} == {Result.PASSED}


@each_rule
def test_it_speaks_of_upgrades_only_where_one_was_asked_for(loaded: LoadedRule) -> None:
    findings = judge(snapshot(*(HEALTHY[product]() for product in loaded.rule.products)), [loaded])
    assert bool(findings) is not loaded.rule.upgrade


@each_rule
def test_it_is_unknown_with_a_reason_when_any_facet_that_it_reads_is_unseen(loaded: LoadedRule) -> None:
    for product in loaded.rule.products:
        for facet in loaded.rule.reads:
            (finding,) = judge(snapshot(healthy(loaded, product, **{facet.value: UNSEEN})), [loaded])
            assert (finding.result, finding.message, finding.how) == (Result.UNKNOWN, UNSEEN.reason, UNSEEN.how)


@each_rule
def test_it_reads_nothing_that_it_does_not_declare(loaded: LoadedRule) -> None:
    declared = loaded.rule.reads | loaded.rule.wants
    hidden = {facet.value: UNSEEN for facet in Facet if facet not in declared}
    for product in loaded.rule.products:
        findings = judge(snapshot(healthy(loaded, product, **hidden)), [loaded])
        assert {finding.result for finding in findings} == {Result.PASSED}
