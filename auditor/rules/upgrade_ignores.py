"""Told only with `--to`; one finding per key, the most important first."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Judgement, Rule, Severity
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions.upgraded_values import told

RULE = Rule(
    title="The upgrade that was asked for would ignore a value",
    severity=Severity.INFO,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="Helm passes the value on and the chart no longer reads it, so that what it did is not done any more.",
    remedy="Delete the key, or move its value to where the chart reads it; posit-audit fix --to moves what has a new "
    "place.",
    source="https://github.com/rstudio/helm/tree/main/charts",
    upgrade=True,
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    yield from told(release, "ignored")
