"""The Deployment and its pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from auditor.inventory.asking import Json, Look, reading
from auditor.model.kubernetes import DEPLOYMENTS, PODS, Access, ObjectRef
from auditor.model.seen import Withheld
from auditor.model.snapshot import Facet, Pod, Workload
from auditor.names.events import event
from auditor.questions.gitops import deployed_by
from auditor.questions.pod_spec import container
from auditor.questions.stopping import MARK
from auditor.readiness import Progress, readiness

_HALTS: Final = frozenset({("ReplicaFailure", "True"), ("Progressing", "False")})
"""https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status"""


@reading(Facet.WORKLOAD, Access(DEPLOYMENTS, ("get",)))
def workload(look: Look) -> Workload | None:
    body = look.ask.get(DEPLOYMENTS, look.namespace, look.found.fullname)
    if body is None:
        return None
    spec, status = body["spec"], body.get("status") or {}
    pod_spec, rollout = spec["template"]["spec"], readiness(body)
    return Workload(
        ref=ObjectRef("Deployment", look.namespace, look.found.fullname),
        uid=body["metadata"]["uid"],
        selector=spec["selector"].get("matchLabels") or {},
        replicas=spec.get("replicas", 1),
        ready_replicas=status.get("readyReplicas", 0),
        pod_spec=Withheld(pod_spec),
        image=container(pod_spec, look.found.product.container).get("image", ""),
        service_account=pod_spec.get("serviceAccountName") or "default",
        strategy=spec.get("strategy") or {},
        marks={
            key: value for key, value in (body["metadata"].get("annotations") or {}).items() if key.startswith(MARK)
        },
        deployed_by=deployed_by(body["metadata"], unlabelled=True),
        unfinished="" if rollout.progress is Progress.CURRENT else rollout.reason,
        halted={
            one["reason"]: event(one["reason"], one.get("message") or "")
            for one in status.get("conditions") or ()
            if (one["type"], one["status"]) in _HALTS
        },
    )


@reading(Facet.PODS, Access(PODS, ("list",)))
def pods(look: Look) -> tuple[Pod, ...]:
    return tuple(_pod(body) for body in server_pods(look))


def server_pods(look: Look) -> Sequence[Json]:
    """Pods of the Deployment as the API gave them. The chart's own hook Job carries the same labels; its pods are not
    the server's."""
    selector = look.found.selector
    if not selector:  # found by Helm's record alone
        deployment = workload(look)
        if deployment is None:
            return ()
        selector = ",".join(f"{key}={value}" for key, value in sorted(deployment.selector.items()))
    bodies = look.ask.list(PODS, look.namespace, labels=selector)
    return [body for body in bodies if container(body["spec"], look.found.product.container)]


def waiting_reason(pod: Json) -> str:
    """Of the first container that waits: ImagePullBackOff, CrashLoopBackOff, ..."""
    status = pod.get("status") or {}
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        reason: str = ((one.get("state") or {}).get("waiting") or {}).get("reason", "")
        if reason:
            return reason
    return ""


def _pod(body: dict[str, Any]) -> Pod:
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    volumes = spec.get("volumes") or ()
    return Pod(
        ref=ObjectRef("Pod", metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        phase=status.get("phase", "Unknown"),
        ready=any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ()),
        deleting="deletionTimestamp" in metadata,
        node=spec.get("nodeName", ""),
        service_account=spec.get("serviceAccountName") or "default",
        containers=tuple(one["name"] for one in spec["containers"]),
        claims=tuple(one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one),
        waiting_reason=waiting_reason(body),
    )
