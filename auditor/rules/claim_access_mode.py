from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required

RULE = Rule(
    title="The claim's access modes don't allow what the server does",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.CLAIMS, Facet.WORKLOAD}),
    why="Replicas on several nodes need ReadWriteMany, and every server writes: with other modes the pods beyond the "
    "first wait for a volume that another node holds, or can't write.",
    remedy="Run one replica, or move the data to a claim with ReadWriteMany; access modes can't be changed in place.",
    source="https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    replicas = required.workload(release).replicas
    for claim in seen(release.claims):
        if not claim.exists or "ReadWriteMany" in claim.access_modes:
            continue
        modes = ", ".join(claim.access_modes) or "no access mode"
        writable = any(mode.startswith("ReadWrite") for mode in claim.access_modes)
        if writable and replicas <= 1:
            continue
        users = f"{replicas} replicas mount it" if writable else "the server writes to it"
        yield failed(
            claim.ref,
            f"{claim.ref} has {modes}, but {users}.",
            Evidence(
                object=claim.ref,
                field="spec.accessModes",
                observed=modes,
                expected="ReadWriteMany" if replicas > 1 else "a mode that allows writing",
            ),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
