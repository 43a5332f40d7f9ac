from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.keypath import look_up
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Claim, Facet, ReleaseState, Volume, Workload
from auditor.questions import required
from auditor.questions.events import as_evidence, warnings
from auditor.questions.volumes import volume_of

RULE = Rule(
    title="A rolling update needs the claim on two nodes",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.CLAIMS, Facet.WORKLOAD}),
    wants=frozenset({Facet.PODS, Facet.EVENTS, Facet.VOLUMES}),
    why="The charts start the new pod before the old one stops. With ReadWriteOnce it starts only on the "
    "same node, otherwise every upgrade hangs in a Multi-Attach error.",
    remedy="Use a claim with ReadWriteMany, or set strategy.rollingUpdate.maxSurge to 0 and maxUnavailable to 1 and "
    "accept a pause at each upgrade.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/values.yaml",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    if workload.replicas != 1 or not _surges(workload):
        return  # More replicas are judged by claim-access-mode.
    for claim in seen(release.claims):
        if claim.exists and _is_exclusive(claim, volume_of(release, claim.ref.name)):
            modes = ", ".join(claim.access_modes)
            yield failed(
                claim.ref,
                f"{claim.ref} has {modes}, and a rolling update starts a second pod that mounts it.",
                Evidence(
                    object=claim.ref, field="spec.accessModes", observed=modes, expected="ReadWriteMany, or no surge"
                ),
                *map(as_evidence, warnings(release, containing="Multi-Attach")),
                fix=Fix(summary=RULE.remedy, safe=False),
            )


def _surges(workload: Workload) -> bool:
    if workload.strategy.get("type") == "Recreate":
        return False
    return look_up(workload.strategy, ("rollingUpdate", "maxSurge")) not in (0, "0", "0%")


def _is_exclusive(claim: Claim, volume: Volume | None) -> bool:
    """To a node, or to a pod. A volume of one node keeps every pod there, so that the next one can have it too."""
    modes = set(claim.access_modes)
    if volume and "nodeAffinity" in volume.spec and not volume.spec.keys().isdisjoint(("local", "hostPath")):
        return modes == {"ReadWriteOncePod"}
    return bool(modes) and modes <= {"ReadWriteOnce", "ReadWriteOncePod"}
