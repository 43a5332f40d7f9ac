from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.helm import HelmStatus
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required

RULE = Rule(
    title="The release is in the middle of a Helm operation",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="Helm refuses every upgrade as long as one is under way, and does not notice that the one before was killed.",
    remedy="If no Helm runs for it any more, roll back to the last revision that was deployed.",
    source="https://helm.sh/docs/helm/helm_rollback/",
)
_MIDDLE = {
    HelmStatus.PENDING_INSTALL: "being installed",
    HelmStatus.PENDING_UPGRADE: "being upgraded",
    HelmStatus.PENDING_ROLLBACK: "being rolled back",
    HelmStatus.UNINSTALLING: "being uninstalled",
}


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    doing = _MIDDLE.get(record.status)
    if doing:
        since = f" since {record.updated:%Y-%m-%d %H:%M:%S %Z}".rstrip() if record.updated else ""
        yield failed(
            release.object,
            f"Release {release.ref} is {doing}{since}, or was when Helm was cut off.",
            Evidence(
                object=release.object,
                field="info.status",
                observed=str(record.status),
                expected=str(HelmStatus.DEPLOYED),
            ),
            fix=Fix(
                summary=f"{RULE.remedy} Revisions: helm --namespace {release.ref.namespace} history {release.ref.name}",
                safe=False,
            ),
        )
