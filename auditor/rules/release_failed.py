from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.helm import HelmStatus
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required

RULE = Rule(
    title="The release's last Helm operation failed",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="What runs is neither the old revision nor the new one: Helm stopped between them and left it so.",
    remedy="Mend what Helm complained of and upgrade again, or roll back to the last revision that was deployed.",
    source="https://helm.sh/docs/helm/helm_rollback/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    if record.status is HelmStatus.FAILED:
        yield failed(
            release.object,
            f"Revision {record.revision} of release {release.ref} failed.",
            Evidence(
                object=release.object,
                field="info.status",
                observed=f"{record.status}: {record.description}" if record.description else str(record.status),
                expected=str(HelmStatus.DEPLOYED),
            ),
            fix=Fix(
                summary=f"{RULE.remedy} Revisions: helm --namespace {release.ref.namespace} history {release.ref.name}",
                safe=False,
            ),
        )
