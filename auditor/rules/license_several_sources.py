from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.license import sources
from auditor.questions.pod_spec import container

RULE = Rule(
    title="Several licenses are configured at once",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD}),
    why="Only one is used: a key wins over a license server, and that over a license file. The others are idle, so "
    "renewing one of them changes nothing.",
    remedy="Keep one of license.key, license.server and license.file in the values.",
    source="https://github.com/rstudio/rstudio-docker-products/blob/dev/connect/startup.sh",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    found = sources(release.product, container(workload.pod_spec.reveal(), release.product.container))
    if len(found) > 1:
        wins, *idle = found
        yield failed(
            workload.ref,
            f"{workload.ref} gets a license {wins} and also a license {' and a license '.join(idle)}, of which only "
            f"the {wins} is used.",
            Evidence(
                object=workload.ref,
                field=f"containers[{release.product.container}].env",
                observed=", ".join(found.values()),
                expected="one of them",
            ),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
