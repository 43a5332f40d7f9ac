"""Whether an object has become what its spec asks for. Pure: the object's present JSON says it.

After kstatus (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

_STUCK_WAITING = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


class Progress(StrEnum):
    CURRENT = "current"
    IN_PROGRESS = "in progress"
    FAILED = "failed"


class Readiness(msgspec.Struct, frozen=True):
    progress: Progress
    reason: str


def readiness(object_: Mapping[str, Any]) -> Readiness:
    """Of a Deployment, Job, Pod or PersistentVolumeClaim; another kind is current once it exists."""
    kind = str(object_.get("kind", "object"))
    metadata = object_.get("metadata") or {}
    spec = object_.get("spec") or {}
    status = object_.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return _in_progress(f"{kind} is being deleted")
    observed = status.get("observedGeneration")
    if observed is not None and observed < metadata.get("generation", 0):
        return _in_progress(f"the controller has not yet seen generation {metadata['generation']}")
    judge = _JUDGES.get(kind)
    return judge(spec, status) if judge else Readiness(Progress.CURRENT, f"{kind} exists")


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    wanted = spec.get("replicas", 1)
    progressing = _condition(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(Progress.FAILED, "its progress deadline passed")
    if "observedGeneration" not in status:
        return _in_progress("the controller has not yet seen it")
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available, ready = status.get("availableReplicas", 0), status.get("readyReplicas", 0)
    if updated < wanted:
        return _in_progress(f"{updated} of {wanted} replicas updated")
    if total > updated:
        return _in_progress(f"{total - updated} old replicas still to go")
    if min(available, ready) < wanted:
        return _in_progress(f"{min(available, ready)} of {wanted} replicas ready")
    return Readiness(Progress.CURRENT, f"{wanted} of {wanted} replicas ready")


def _job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if _is_true(status, "Complete"):
        return Readiness(Progress.CURRENT, "complete")
    failed = _condition(status, "Failed")
    if failed.get("status") == "True":
        return Readiness(Progress.FAILED, str(failed.get("message") or failed.get("reason") or "failed"))
    if spec.get("suspend"):
        return _in_progress("suspended")
    return _in_progress(f"{status.get('active', 0)} pods active, {status.get('failed', 0)} failed so far")


def _pod(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase", "Pending")
    if phase == "Succeeded":
        return Readiness(Progress.CURRENT, "succeeded")
    if phase == "Failed":
        return Readiness(Progress.FAILED, str(status.get("reason") or "failed"))
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _STUCK_WAITING:
            return Readiness(Progress.FAILED, f"container {container.get('name')}: {waiting['reason']}")
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return _in_progress(str(scheduled.get("message") or "not scheduled yet"))
    if _is_true(status, "Ready"):
        return Readiness(Progress.CURRENT, "ready")
    return _in_progress(f"{phase.lower()}, not ready")


def _claim(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase", "Pending")
    if phase == "Lost":
        return Readiness(Progress.FAILED, "its volume is lost")
    return Readiness(Progress.CURRENT, "bound") if phase == "Bound" else _in_progress("not bound yet")


_JUDGES = {"Deployment": _deployment, "Job": _job, "Pod": _pod, "PersistentVolumeClaim": _claim}


def _in_progress(reason: str) -> Readiness:
    return Readiness(Progress.IN_PROGRESS, reason)


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next((c for c in status.get("conditions") or () if c.get("type") == type_), {})
    return found


def _is_true(status: Mapping[str, Any], type_: str) -> bool:
    return _condition(status, type_).get("status") == "True"
