"""What befell the pods of a Job before their work was done, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

KILLED, TERMINATED = 128 + 9, 128 + 15
_DISRUPTED = {
    "DeletionByPodGC": "was on a node that is gone from the cluster",
    "DeletionByTaintManager": "had to leave its node",
    "EvictionByEvictionAPI": "was evicted",
    "PreemptionByScheduler": "had to make room for a pod of higher priority",
    "TerminationByKubelet": "was ended by its node",
}
"""Reasons of the condition. https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions"""


class Interruptions:
    """Tells each once: of each part of the work the newest pod, and the sentence that was told of it."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, str]] = {}

    def news(self, pods: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        """Since it was last asked. `pods`: by part."""
        for part, pod in pods.items():
            name, befell = pod["metadata"]["name"], interruption(pod)
            before, told = self._told.get(part, (name, ""))
            self._told[part] = (name, befell)
            if name != before and not told:
                yield f"Pod {before} is gone; the Job made another, {name}, which goes on with its work."
            if befell and (name, befell) != (before, told):
                yield befell


def interruption(pod: Mapping[str, Any]) -> str:
    """Nothing of a pod that waits, works, did its work or ended with a no of the worker."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    ended = _terminated(status)
    if out_of_memory(pod):
        limit = _memory_limit(pod)
        allowed = f" (its limit is {limit})" if limit else ""
        return f"Pod {name} was killed for want of memory{allowed}; the Job makes another, up to six times."
    if is_cut_off(pod):
        return (
            f"Node {(pod.get('spec') or {}).get('nodeName')} with pod {name} does not answer; the work goes on when it "
            "comes back, or in another pod once the node is deleted from the cluster."
        )
    disrupted = _condition(status, "DisruptionTarget")
    if disrupted.get("status") == "True":
        how = _DISRUPTED.get(str(disrupted.get("reason")), f"was interrupted ({disrupted.get('reason')})")
        return f"Pod {name} {how}; the Job makes another, which goes on with its work."
    if ended.get("exitCode") == KILLED:
        return f"Pod {name} was killed; the Job makes another, up to six times."
    if ended.get("exitCode") == TERMINATED:
        return f"Pod {name} was told to stop; the Job makes another, which goes on with its work."
    return ""


def out_of_memory(pod: Mapping[str, Any]) -> bool:
    return _terminated(pod.get("status") or {}).get("reason") == "OOMKilled"


def is_cut_off(pod: Mapping[str, Any]) -> bool:
    """The control plane takes Ready from the pods of a node that does not answer, and nothing else: containers without
    a probe are ready as long as they run."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = bool(containers) and all(container.get("ready") for container in containers)
    return status.get("phase") == "Running" and ready and _condition(status, "Ready").get("status") == "False"


def _memory_limit(pod: Mapping[str, Any]) -> str:
    for container in (pod.get("spec") or {}).get("containers") or ():
        return str(((container.get("resources") or {}).get("limits") or {}).get("memory", ""))
    return ""


def _terminated(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or ():
        return (container.get("state") or {}).get("terminated") or {}
    return {}


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    return next((one for one in status.get("conditions") or () if one.get("type") == type_), {})
