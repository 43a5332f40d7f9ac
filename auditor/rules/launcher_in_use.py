from __future__ import annotations

from collections.abc import Iterator

from auditor.catalog.versions import order
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.content import mode

RULE = Rule(
    title="Content runs through the Launcher where the direct runner could run it",
    severity=Severity.INFO,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONFIG, Facet.WORKLOAD}),
    why="From chart 0.20.1 on the direct runner is the default and what stands below launcher.templateValues no longer "
    "reaches content: node selectors, tolerations, variables and volumes go missing without an error.",
    remedy="Move the Launcher's values to backends.kubernetes before that upgrade: posit-audit migrate writes them.",
    source="https://docs.posit.co/helm/examples/connect/upgrade-launcher-to-kubernetes/launcher-to-kubernetes.html",
)
_POSSIBLE_SINCE = "2026.04.0"


def check(release: ReleaseState) -> Iterator[Judgement]:
    if mode(required.config(release)) != "launcher":
        return
    version = required.product_version(release)
    if order(version) < order(_POSSIBLE_SINCE):
        return
    yield failed(
        release.object,
        f"Release {release.ref} runs content through the Launcher, though Connect {version} can run it directly.",
        Evidence(object=release.object, field="[Launcher] Enabled", observed="true", expected="[Kubernetes] Enabled"),
        fix=Fix(summary=RULE.remedy, safe=False),
    )
