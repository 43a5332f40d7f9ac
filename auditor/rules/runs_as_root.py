from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.ownership import Owner
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.model.target import Target
from auditor.questions import required
from auditor.questions.pod_spec import run_as_user, runs_as_root

RULE = Rule(
    title="Package Manager runs as root",
    severity=Severity.ERROR,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.WORKLOAD}),
    wants=frozenset({Facet.CHART_VERSION}),
    why="Charts from 0.4.0 on run it as 999:999. What root wrote until then can't be changed by that user, so an "
    "upgrade ends in permission errors.",
    remedy="Upgrade to chart 0.4.0 or newer: scale the Deployment to zero, give the volume's files to 999:999, "
    "upgrade. posit-audit fix --to rstudio-pm=newest plans it in this order. Remove runAsUser: 0 from the values where "
    "it is set.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/NEWS.md",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    container = release.product.container
    user = run_as_user(workload.pod_spec.reveal(), container)
    root = runs_as_root(release)
    if root is None:
        yield unknown(
            workload.ref,
            f"{workload.ref} names no user for container {container}, so its image decides.",
            f"Ask the container: kubectl --namespace {release.ref.namespace} exec deploy/{workload.ref.name} "
            f"--container {container} -- id",
        )
    elif root:
        version = release.chart_version
        chart = "of an unknown version" if isinstance(version, Unseen) else version
        observed = "0" if user == 0 else f"not set, and the image of chart {chart} runs as root"
        yield failed(
            workload.ref,
            f"Container {container} of {workload.ref} runs as root.",
            Evidence(
                object=workload.ref,
                field=f"containers[{container}].securityContext.runAsUser",
                observed=observed,
                expected="a user other than 0, 999 by default",
            ),
            fix=Fix(summary=RULE.remedy, safe=False, follows=_settled_by(release)),
        )


def _settled_by(release: ReleaseState) -> str:
    """The upgrade that was asked for may be the very one that ends it."""
    owner = release.target.owner if isinstance(release.target, Target) else None
    return "chart-not-at-target" if isinstance(owner, Owner) and owner.uid != 0 else ""
