"""Only told where it matters: where files have the wrong owner, or will have at the next upgrade because the release
still runs as root. On storage that fixes every owner by itself nothing is wrong before that."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.catalog import StorageRow
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, passed, unknown
from auditor.model.kubernetes import ObjectRef
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, seen
from auditor.model.snapshot import Facet, ReleaseState, Volume
from auditor.questions.pod_spec import runs_as_root
from auditor.questions.volumes import any_owner_will_do, probe_of

RULE = Rule(
    title="The storage does not let anyone change owners",
    severity=Severity.ERROR,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.VOLUMES, Facet.OWNERSHIP, Facet.WORKLOAD}),
    wants=frozenset({Facet.CHART_VERSION}),
    why="Files that belong to the wrong user can't be given to the right one there: neither by the chart's hook nor by "
    "a Job nor by fsGroup.",
    remedy="Change owners where the storage is served, or move the data to storage that allows it.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/security-context/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for volume in seen(release.volumes):
        object_ = ObjectRef("PersistentVolume", "", volume.name)
        row = volume.row
        if row and row.ownership == "chown-ok":
            continue
        if untroubled := any_owner_will_do(release, volume.claim):
            yield passed(object_, untroubled)
            continue
        try:
            reason = _why_it_matters(release, volume)
        except NotSeenError as error:
            yield unknown(object_, error.unseen.reason, error.unseen.how)
            continue
        if not reason:
            continue
        if row is None or row.ownership == "needs-probe":
            why = row.why if row else "its driver is not in the catalog"
            yield unknown(
                object_,
                f"Whether owners can be changed on {object_} is not visible in Kubernetes ({why}), and {reason}.",
                row.instead if row else "Try it: chown one new file on the volume as root.",
            )
        else:
            yield _refuses(object_, row, reason)


def _refuses(object_: ObjectRef, row: StorageRow, reason: str) -> Judgement:
    return failed(
        object_,
        f"Owners can't be changed on {object_} ({row.title}), and {reason}.",
        Evidence(
            object=object_, field="spec", observed=f"{row.title}: {row.why}", expected="storage where root may chown"
        ),
        fix=Fix(summary=f"{RULE.remedy} Here: {row.instead}.", safe=False),
    )


def _why_it_matters(release: ReleaseState, volume: Volume) -> str:
    if runs_as_root(release):
        return "the release still runs as root, so its files need another owner at the upgrade"
    wrong = probe_of(release, volume.claim).wrong_count
    return f"{wrong:,} entries on it have the wrong owner" if wrong else ""
