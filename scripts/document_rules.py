"""Writes docs/rules.md from the rules themselves: python -m scripts.document_rules"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from auditor.model.product import Product
from auditor.model.snapshot import Facet
from auditor.rules import LoadedRule, discover

DOCUMENT = Path(__file__).parent.parent / "docs" / "rules.md"
_INTRODUCTION = """\
# Rules

<!-- Written by `python -m scripts.document_rules` from auditor/rules/. Change a rule there, not here. -->

Each rule tells one fault. For each release it comes to one of three results: *failed*, *passed*, or *unknown* where it
could not look, with the reason and what to do about it. An **error** fails, or will at the next upgrade or restart.
A **warning** works by luck or costs something. **Info** is worth knowing before an upgrade.

`posit-audit explain RULE` prints a section of this page.
"""


def document(rules: Iterable[LoadedRule]) -> str:
    rules = tuple(rules)
    lines = [_INTRODUCTION, "| rule | severity | products | fault |", "|---|---|---|---|"]
    lines += [f"| [{r.id}](#{r.id}) | {r.rule.severity} | {_products(r)} | {r.rule.title} |" for r in rules]
    return "\n".join([*lines, *(line for rule in rules for line in _section(rule))]) + "\n"


def _section(loaded: LoadedRule) -> Iterator[str]:
    rule = loaded.rule
    yield from ("", f"## {loaded.id}", "", f"**{rule.severity}**, {_products(loaded)}. {rule.title}.")
    yield from ("", rule.why, "", f"What to do: {rule.remedy}")
    if loaded.notes:
        yield from ("", loaded.notes)
    wants = f"; where it can also {_spelled(rule.wants)}" if rule.wants else ""
    yield from ("", f"Looks at {_spelled(rule.reads)}{wants}. Source: <{rule.source}>")


def _products(loaded: LoadedRule) -> str:
    return ", ".join(product.full_name for product in Product if product in loaded.rule.products)


def _spelled(facets: Iterable[Facet]) -> str:
    return ", ".join(sorted(facet.value.replace("_", " ") for facet in facets))


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(discover()), encoding="utf-8")
