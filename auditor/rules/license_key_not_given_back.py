from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.license import sources
from auditor.questions.pod_spec import container

RULE = Rule(
    title="The pod has too little time to give its license key back",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD}),
    why="A license key is activated at each start and given back at each stop. A pod that is killed before keeps its "
    "activation, and once all are used up no start can activate it any more.",
    remedy="Use a license file, which needs no activation, or set pod.terminationGracePeriodSeconds to 120 or more.",
    source="https://github.com/rstudio/rstudio-docker-products/blob/dev/package-manager/README.md",
)
_ENOUGH = 120
_KUBERNETES_OWN = 30
"""Where a pod names no time."""


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    spec = workload.pod_spec.reveal()
    used = next(iter(sources(release.product, container(spec, release.product.container))), "")
    seconds = spec.get("terminationGracePeriodSeconds", _KUBERNETES_OWN)
    if used == "key" and seconds < _ENOUGH:
        yield failed(
            workload.ref,
            f"{workload.ref} activates a license key and gets {seconds} s to give it back when it is stopped.",
            Evidence(
                object=workload.ref,
                field="spec.template.spec.terminationGracePeriodSeconds",
                observed=str(seconds),
                expected=f"{_ENOUGH} or more",
            ),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
