from __future__ import annotations

from collections.abc import Iterator

from auditor.catalog.versions import order
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.content import mode

RULE = Rule(
    title="Connect is too old for the direct runner",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONFIG, Facet.WORKLOAD}),
    why="Connect before 2026.04.0 does not run content through the direct Kubernetes runner.",
    remedy="Use Connect 2026.04.0 or newer (image.tag, versionOverride), or the Launcher until then.",
    source="https://docs.posit.co/helm/examples/connect/upgrade-launcher-to-kubernetes/launcher-to-kubernetes.html",
)
_SINCE = "2026.04.0"


def check(release: ReleaseState) -> Iterator[Judgement]:
    if mode(required.config(release)) != "direct":
        return
    workload = required.workload(release)
    version = required.product_version(release)
    if order(version) < order(_SINCE):
        yield failed(
            workload.ref,
            f"{workload.ref} runs Connect {version}, which is too old for the direct runner that is turned on.",
            Evidence(
                object=workload.ref,
                field=f"containers[{release.product.container}].image",
                observed=version,
                expected=f"{_SINCE} or newer",
            ),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
