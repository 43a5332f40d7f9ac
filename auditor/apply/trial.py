"""Tries an image for the ownership Job in a pod without the volume, before anything is stopped.

The pod has no token and no privilege, and its security context is what the level "restricted" asks for. It says what
the image has, and is gone when it has said so. A Job makes it: that takes no other rights than the ownership Job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from auditor.apply import own_jobs, parts
from auditor.apply.job_run import placement_of_running, remove
from auditor.apply.ownership_job import ANNOTATIONS, CONTAINER, LABELS, placed
from auditor.apply.tools import Tools
from auditor.errors import ApiError, Conflict, PlanRefused
from auditor.model.action import Candidate, ChangeOwnership, Placement
from auditor.model.kubernetes import EVENTS, JOBS
from auditor.names.events import event, pod_security
from auditor.readiness import Progress, readiness
from auditor.worker import commands
from auditor.worker.limits import NO_RECORD
from auditor.worker.messages import Started

Tell = Callable[[str], None]
Tried = dict[str, Started | str]
"""By what was tried: what the image has, or why it can't be used."""

_LABELS = {**LABELS, "app.kubernetes.io/component": "trial"}
_KEPT_SECONDS = 300
_POLL = 1.0
_NO_POD_SECONDS = 15.0
"""How long nothing is thought of a Job that has no pod."""
_HOPELESS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Reasons of a waiting container after which nobody needs to wait any longer (kubernetes, pkg/kubelet/images/types.go
and pkg/kubelet/kuberuntime/kuberuntime_container.go)."""


def chosen(action: ChangeOwnership, tools: Tools, tell: Tell, tried: Tried) -> Placement:
    """The first of the plan's images that can do the work, with what it was seen to have. Raises PlanRefused where none
    can; nothing is changed by then."""
    running = placement_of_running(action, tools)
    if running:
        return running
    placement = action.placement
    first = Candidate(**{name: getattr(placement, name) for name in Candidate.__struct_fields__})
    candidates = (first, *placement.others)
    failures: list[str] = []
    for number, one in enumerate(candidates):
        would = msgspec.structs.replace(action, placement=placement.taking(one))
        body = job(would)
        key = body["metadata"]["name"]
        if key not in tried:
            tell(f"Trying image {one.image} for the ownership Job in namespace {action.claim.namespace} …")
            tried[key] = _try(body, tools)
        why = _against(one, tried[key], recorded=not placement.posix or NO_RECORD not in placement.limits)
        if not why:
            return placement.taking(_as_seen(one, tried[key]), candidates[number + 1 :])
        failures.append(f"image {one.image}: {why}")
    raise PlanRefused(
        f"No image can do the work on {action.claim}: {'; '.join(failures)}.",
        hint="Name one that the cluster can pull and that has Python 3.8 or later with --worker-image.",
    )


def _against(one: Candidate, told: Started | str, *, recorded: bool) -> str:
    """`recorded`: whether the plan promises a record of former owners, by its first image."""
    if isinstance(told, str):
        return told
    if one.has_python != "none":
        return "" if told.tool == "python" else "it has no Python 3.8 or later"
    if recorded and NO_RECORD in told.limits:
        return "it has not the tools to record former owners, which the plan promises"
    return ""


def _as_seen(one: Candidate, told: Started | str) -> Candidate:
    if not isinstance(told, Started) or one.has_python == "none":
        limits = told.limits if isinstance(told, Started) and told.tool == "posix" else one.limits
        return msgspec.structs.replace(one, limits=limits)
    return msgspec.structs.replace(one, has_python="found", python=told.python)


def _try(body: Mapping[str, Any], tools: Tools) -> Started | str:
    try:
        made = tools.writer.create(JOBS, body)
    except Conflict:
        # Another run tries the same, or the answer to our own request was lost.
        made = tools.reader.get(JOBS, body["metadata"]["namespace"], body["metadata"]["name"])
        if not own_jobs.same(made, body, tools):
            raise own_jobs.foreign(made) from None
    except ApiError as error:
        return error.message.rstrip(".")
    try:
        return _seen(made, tools)
    finally:
        remove(made, tools)


def _seen(made: Mapping[str, Any], tools: Tools) -> Started | str:
    namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
    began = tools.clock()
    while True:
        state = readiness(tools.reader.get(JOBS, namespace, name))
        pod = next(iter(parts.newest_pods(made, tools).values()), None)
        if state.progress is not Progress.IN_PROGRESS:
            return _told(made, pod, state.reason, tools)
        waited = tools.clock() - began
        why = _waiting(pod) if pod else _no_pod(namespace, name, tools) if waited > _NO_POD_SECONDS else ""
        if why:
            return why
        if waited > tools.start_seconds:
            doing = readiness(pod).reason if pod else "no pod was made"
            return f"its pod did not end within {tools.start_seconds} seconds ({doing})"
        tools.pause(_POLL)


def _told(made: Mapping[str, Any], pod: Mapping[str, Any] | None, reason: str, tools: Tools) -> Started | str:
    part = parts.Part()
    if pod:
        part.read(made, pod, tools)
    return part.started or f"its pod did not say what the image has ({reason})"


def _waiting(pod: Mapping[str, Any]) -> str:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _HOPELESS:
            return event(str(waiting["reason"]), str(waiting.get("message") or ""))
    return ""


def _no_pod(namespace: str, name: str, tools: Tools) -> str:
    """The newest warning about the Job, such as that admission refuses its pod."""
    warnings = list(tools.reader.list(EVENTS, namespace, field_selector=f"involvedObject.name={name},type=Warning"))
    if not warnings:
        return ""
    said = str(warnings[-1].get("message") or "")
    return pod_security(said).rstrip(".") or event(str(warnings[-1].get("reason") or "FailedCreate"), said)


def job(would: ChangeOwnership) -> dict[str, Any]:
    """Named by what is tried, so that there is one at a time."""
    spec = _pod_spec(would.placement)
    digest = hashlib.sha256(msgspec.json.encode(spec, order="sorted")).hexdigest()[:10]
    return {
        "metadata": {
            "name": f"posit-audit-trial-{digest}",
            "namespace": would.claim.namespace,
            "labels": _LABELS,
            "annotations": ANNOTATIONS,
        },
        "spec": {
            "activeDeadlineSeconds": _KEPT_SECONDS,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "backoffLimit": 0,
            "template": {"metadata": {"labels": _LABELS, "annotations": ANNOTATIONS}, "spec": spec},
        },
    }


def _pod_spec(placement: Placement) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": placement.image,
                "imagePullPolicy": placement.image_pull_policy,
                "command": commands.trial(),
                "resources": {
                    "requests": {"cpu": "50m", "memory": "32Mi"},
                    "limits": {"cpu": "1", "memory": "128Mi"},
                },
                "securityContext": {
                    "privileged": False,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
        **placed(placement),
    }
