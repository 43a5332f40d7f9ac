from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import Unseen, seen
from auditor.model.snapshot import Claim, Facet, ReleaseState, Workload
from auditor.questions.events import as_evidence, warnings

RULE = Rule(
    title="The claim for the server's data is not bound",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.CLAIMS}),
    wants=frozenset({Facet.STORAGE_CLASSES, Facet.WORKLOAD, Facet.EVENTS}),
    why="A pod is not started before its claims are bound to volumes.",
    remedy="Give the claim a volume: a StorageClass with a working provisioner, or a PersistentVolume that fits its "
    "size, access modes and class.",
    source="https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for claim in seen(release.claims):
        if claim.exists and claim.phase != "Bound" and not _waits_for_a_pod(release, claim):
            yield failed(
                claim.ref,
                f"{claim.ref} is {claim.phase or 'in no phase yet'} instead of Bound{_because(release, claim)}.",
                Evidence(object=claim.ref, field="status.phase", observed=claim.phase or "none", expected="Bound"),
                *map(as_evidence, warnings(release, claim.ref)),
                fix=Fix(summary=RULE.remedy, safe=False),
            )


def _because(release: ReleaseState, claim: Claim) -> str:
    if claim.phase == "Lost":
        return ": its volume is gone"
    classes = release.storage_classes
    if claim.storage_class and not isinstance(classes, Unseen) and claim.storage_class not in classes:
        return f": there is no StorageClass {claim.storage_class}"
    return ""


def _waits_for_a_pod(release: ReleaseState, claim: Claim) -> bool:
    """With WaitForFirstConsumer a claim stays pending as long as no pod mounts it, which is right at zero replicas.
    Raises NotSeenError where that would be an answer and nobody may see it."""
    idle = isinstance(release.workload, Workload) and release.workload.replicas == 0
    if not idle or claim.phase != "Pending":
        return False
    storage_class = seen(release.storage_classes).get(claim.storage_class) or {}
    return storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
