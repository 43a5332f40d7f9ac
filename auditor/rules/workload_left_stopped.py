from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.stopping import has_python, is_marked, start, stopped_from

RULE = Rule(
    title="An upgrade that was cut off left the server stopped, or marked as stopped",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD}),
    why="posit-audit stops a server while the owner of its files changes. The run that should have started it again "
    "was killed or lost its connection, so nobody is served.",
    remedy="Run the same posit-audit fix --to again, which goes on where it was; without --to it only starts the "
    "server again.",
    source="https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#scaling-a-deployment",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    if not is_marked(workload):
        return
    replicas = stopped_from(workload)
    if replicas is None and workload.replicas == 0:
        return  # stopped by somebody else
    left = "was stopped by posit-audit and not started again" if replicas else "runs, and is marked as stopped"
    actions = (start(workload, python=has_python(workload)),)
    yield failed(
        workload.ref,
        f"{workload.ref} {left}.",
        Evidence(
            object=workload.ref,
            field="spec.replicas",
            observed=str(workload.replicas),
            expected=str(replicas or "no annotation of a stop"),
        ),
        fix=Fix(summary="Start it again, and take the marks away.", actions=actions),
    )
