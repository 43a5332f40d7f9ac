"""Told only with `--to`; one finding per key, the most important first."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Judgement, Rule, Severity
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions.upgraded_values import not_judged, told

RULE = Rule(
    title="The upgrade that was asked for would refuse a value",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="Helm stops at the first such value and says nothing of the others, so that an upgrade takes one attempt for "
    "each.",
    remedy="Let posit-audit fix --to migrate the values, or change the key in the values file.",
    source="https://github.com/rstudio/helm/tree/main/charts",
    upgrade=True,
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    yield from told(release, "fails")
    yield from not_judged(release)
