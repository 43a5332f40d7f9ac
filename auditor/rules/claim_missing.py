from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState

RULE = Rule(
    title="The claim for the server's data does not exist",
    severity=Severity.ERROR,
    products=frozenset(Product),
    # The values may ask for a claim that no pod mounts.
    reads=frozenset({Facet.CLAIMS, Facet.HELM}),
    why="A pod that mounts a missing claim is never scheduled.",
    remedy="Create the claim, set sharedStorage.create to true, or correct sharedStorage.name.",
    source="https://kubernetes.io/docs/concepts/storage/persistent-volumes/#claims-as-volumes",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for claim in seen(release.claims):
        if not claim.exists:
            yield failed(
                claim.ref,
                f"{claim.ref}, which the server mounts at {claim.mount_path}, does not exist.",
                Evidence(object=claim.ref, field="metadata.name", observed="not found", expected=claim.ref.name),
                fix=Fix(summary=RULE.remedy, safe=False),
            )
