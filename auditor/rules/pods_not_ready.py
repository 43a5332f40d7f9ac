from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, Pod, ReleaseState, Workload
from auditor.questions import required
from auditor.questions.events import as_evidence, walking, warnings

RULE = Rule(
    title="The server's pods don't become ready",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD, Facet.PODS}),
    wants=frozenset({Facet.EVENTS}),
    why="Helm calls a release deployed as soon as its objects are accepted, whether or not a pod ever starts. The "
    "charts keep the old pod until the new one is ready, so that an upgrade that is stuck serves the old version on.",
    remedy="Read the events and the log of the pods, or the Deployment's conditions where no pod is there, and mend "
    "what they name.",
    source="https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/",
)
_ENDED = frozenset(("Failed", "Succeeded"))
_STARTING = frozenset(("", "ContainerCreating", "PodInitializing"))
_STUCK = frozenset(("FailedMount", "FailedAttachVolume", "FailedScheduling"))
"""Warnings that come once in a good start too, before what the pod needs is there."""


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    if not workload.unfinished:
        return
    # What came to its end, such as an evicted pod, stays behind and starts no more.
    pods = [pod for pod in seen(release.pods) if not pod.deleting and pod.phase not in _ENDED]
    unready = [pod for pod in pods if not pod.ready]
    told = warnings(release, *(pod.ref for pod in unready)) if unready else ()
    held_up = {event.object for event in told if event.reason in _STUCK and event.count > 1}
    stuck = [pod for pod in unready if pod.waiting_reason not in _STARTING or pod.ref in held_up]
    walk = walking(told)
    there = pods or workload.ready_replicas >= workload.replicas
    if there and not stuck and (walk or not workload.halted):
        yield unknown(
            workload.ref,
            f"{_state(workload)} so far.{walk}",
            f"Scan again in a while; if it stays so: {_look(workload, pods)}",
        )
        return
    waits = {pod.waiting_reason for pod in stuck if pod.ref not in held_up}
    reasons = waits | {e.reason for e in told if e.object in held_up and e.reason in _STUCK} | workload.halted.keys()
    yield failed(
        workload.ref,
        f"{_state(workload)} ({', '.join(sorted(reasons)) or 'no pod is there'}).",
        *(
            Evidence(object=pod.ref, field="status", observed=pod.waiting_reason, expected="Running and ready")
            for pod in stuck
        ),
        *(Evidence(object=workload.ref, field="status.conditions", observed=said) for said in workload.halted.values()),
        *map(as_evidence, told),
        fix=Fix(summary=f"{RULE.remedy} To read them: {_look(workload, pods)}", safe=False),
    )


def _state(workload: Workload) -> str:
    if workload.ready_replicas < workload.replicas:
        return f"{workload.ready_replicas} of {workload.replicas} pods of {workload.ref} are ready"
    return f"The rollout of {workload.ref} has not come to its end: {workload.unfinished}"


def _look(workload: Workload, pods: Sequence[Pod]) -> str:
    labels = ",".join(f"{key}={value}" for key, value in sorted(workload.selector.items()))
    what = f"pods --selector {labels}" if pods else f"deployment {workload.ref.name}"
    return f"kubectl --namespace {workload.ref.namespace} describe {what}"
