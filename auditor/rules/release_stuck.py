from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Final

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
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
_YOUNG: Final = timedelta(minutes=15)
"""Helm's own time-out is five minutes, and often set higher; it holds for the wait and for each hook by itself."""
_MIDDLE = {
    HelmStatus.PENDING_INSTALL: "being installed",
    HelmStatus.PENDING_UPGRADE: "being upgraded",
    HelmStatus.PENDING_ROLLBACK: "being rolled back",
    HelmStatus.UNINSTALLING: "being uninstalled",
}


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    doing = _MIDDLE.get(record.status)
    if not doing:
        return
    since = f" since {record.updated:%Y-%m-%d %H:%M:%S %Z}".rstrip() if record.updated else ""
    if record.updated and release.seen_at and release.seen_at - record.updated.astimezone(UTC) < _YOUNG:
        yield unknown(
            release.object,
            f"Release {release.ref} is {doing}{since}: whether that ends well is not known yet.",
            f"Scan again when Helm has ended: helm --namespace {release.ref.namespace} history {release.ref.name}",
        )
        return
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
