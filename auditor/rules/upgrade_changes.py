"""Told only with `--to`; one finding per key, the most important first."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Judgement, Rule, Severity
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions.upgraded_values import told

RULE = Rule(
    title="The upgrade that was asked for would run something in another way",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="Defaults that nobody set move with the chart, and no error tells it: another image, user, registry or backend "
    "runs afterwards.",
    remedy="Agree to it, or set the key to what runs now before the upgrade.",
    source="https://github.com/rstudio/helm/tree/main/charts",
    upgrade=True,
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    yield from told(release, "changes")
