"""What a rule is about, from the rule itself: `posit-audit explain RULE` and `posit-audit rules`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from auditor.model.finding import Rule
from auditor.model.product import Product
from auditor.report.page import Page
from auditor.report.text import STYLES

RULES_SCHEMA = "posit-audit.rules/v1"


def explain(rule_id: str, rule: Rule, notes: str = "", *, color: bool = False, width: int | None = None) -> str:
    page = Page(color=color, width=width)
    page.line((rule_id, "bold"), f": {rule.title}.", hang=2)
    page.line((rule.severity.value, STYLES[rule.severity]), f", {_products(rule)}")
    for heading, text in (("Why", rule.why), ("What to do", rule.remedy)):
        page.blank()
        page.line((heading, "bold"))
        page.line(text, indent=2)
    if notes:
        _notes(page, notes)
    page.blank()
    page.line(("Looks at", "bold"))
    page.line(", ".join(_spelled(rule.reads)), indent=2)
    if rule.wants:
        page.line("where it can: ", ", ".join(_spelled(rule.wants)), indent=2)
    page.blank()
    page.line(("Source", "bold"))
    page.line(rule.source, indent=2)
    return page.text()


def listing(rules: Iterable[tuple[str, Rule]], *, color: bool = False) -> str:
    """One line for each rule, never wrapped."""
    ordered = sorted(rules)
    longest = max((len(rule_id) for rule_id, _ in ordered), default=0)
    page = Page(color=color)
    for rule_id, rule in ordered:
        page.line(
            (f"{rule_id:<{longest}}", "bold"),
            "  ",
            (f"{rule.severity:<7}", STYLES[rule.severity]),
            f"  {_short(rule):<15}  {rule.title}",
        )
    return page.text()


def listing_json(rules: Iterable[tuple[str, Rule]]) -> str:
    listed = [
        {
            "id": rule_id,
            "title": rule.title,
            "severity": rule.severity.value,
            "products": sorted(product.value for product in rule.products),
            "reads": sorted(facet.value for facet in rule.reads),
            "wants": sorted(facet.value for facet in rule.wants),
            "why": rule.why,
            "remedy": rule.remedy,
            "source": rule.source,
        }
        for rule_id, rule in sorted(rules)
    ]
    return json.dumps({"schema": RULES_SCHEMA, "rules": listed}, indent=2) + "\n"


def _notes(page: Page, notes: str) -> None:
    """Paragraph by paragraph; their own line breaks are those of a source file, but an item of a list has its line."""
    page.blank()
    page.line(("Notes", "bold"))
    for number, paragraph in enumerate(notes.split("\n\n")):
        if number:
            page.blank()
        for item in re.split(r"\n(?=- )", paragraph):
            page.line(" ".join(item.split()), indent=2, hang=2 if item.startswith("- ") else 0)


def _short(rule: Rule) -> str:
    if rule.products == frozenset(Product):
        return "both"
    return _products(rule).removeprefix("Posit ")


def _products(rule: Rule) -> str:
    return " and ".join(product.full_name for product in Product if product in rule.products)


def _spelled(facets: Iterable[str]) -> list[str]:
    return sorted(str(facet).replace("_", " ") for facet in facets)
