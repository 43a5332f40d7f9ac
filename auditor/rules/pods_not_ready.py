from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.events import GROUP_WALK, as_evidence, warnings

RULE = Rule(
    title="The server's pods don't become ready",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD, Facet.PODS}),
    wants=frozenset({Facet.EVENTS}),
    why="Helm calls a release deployed as soon as its objects are accepted, whether or not a pod ever starts.",
    remedy="Read the pod's events and log, and mend what they name.",
    source="https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/",
)
_STARTING = frozenset(("", "ContainerCreating", "PodInitializing"))
_STUCK = frozenset(("FailedMount", "FailedAttachVolume", "FailedScheduling"))
"""Warnings that come once in a good start too, before what the pod needs is there."""


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    if workload.ready_replicas >= workload.replicas:
        return
    look = f"kubectl --namespace {workload.ref.namespace} describe pods --selector " + ",".join(
        f"{key}={value}" for key, value in sorted(workload.selector.items())
    )
    unready = [pod for pod in seen(release.pods) if not pod.ready and not pod.deleting]
    told = warnings(release, *(pod.ref for pod in unready)) if unready else ()
    held_up = {event.object for event in told if event.reason in _STUCK and event.count > 1}
    stuck = [pod for pod in unready if pod.waiting_reason not in _STARTING or pod.ref in held_up]
    if not stuck and unready:
        walk = next((f" The kubelet says: {event.message}" for event in told if event.reason == GROUP_WALK), "")
        yield unknown(
            workload.ref,
            f"{workload.ready_replicas} of {workload.replicas} pods of {workload.ref} are ready, others are starting."
            f"{walk}",
            f"Scan again in a while; if it stays so: {look}",
        )
        return
    waits = {pod.waiting_reason for pod in stuck if pod.ref not in held_up}
    reasons = ", ".join(sorted(waits | {e.reason for e in told if e.object in held_up and e.reason in _STUCK}))
    reasons = reasons or "no pod is there"
    yield failed(
        workload.ref,
        f"{workload.ready_replicas} of {workload.replicas} pods of {workload.ref} are ready ({reasons}).",
        *(
            Evidence(object=pod.ref, field="status", observed=pod.waiting_reason, expected="Running and ready")
            for pod in stuck
        ),
        *map(as_evidence, told),
        fix=Fix(summary=f"{RULE.remedy} To read them: {look}", safe=False),
    )
