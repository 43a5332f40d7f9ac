"""A short-lived Job that looks into a claim and can change nothing on it: the claim is mounted read-only, and root's
only capability is to enter what is closed to others. It takes the rights that the ownership Job takes, and is gone when
the look is over."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from auditor.apply import guards, own_jobs, program
from auditor.apply.following import follow
from auditor.apply.job_run import remove
from auditor.apply.ownership_job import ANNOTATIONS, CONTAINER, LABELS, LOOK, mount_of, placed
from auditor.apply.parts import newest_pods
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, PlanRefused
from auditor.model.action import ChangeOwnership
from auditor.model.kubernetes import CLAIMS, JOBS, PODS
from auditor.worker import commands

RUN_ANNOTATION = "posit-audit/run"
"""Whose look it is: its name follows from what is looked into, so that there is one at a time."""
_SECONDS = 600
"""After them Kubernetes ends it, whoever started it."""
_KEPT_SECONDS = 300
_LABELS = {**LABELS, "app.kubernetes.io/component": LOOK}


def look(would: ChangeOwnership, tools: Tools, tick: Tick) -> list[str]:
    """All that its pod wrote. `would` is the change that the look is to decide on: it says which claim, and how to
    start a pod for it. Raises PlanRefused where no pod could mount the claim, ActionFailed, ApiError."""
    namespace = would.claim.namespace
    claim = tools.reader.get(CLAIMS, namespace, would.claim.name)
    refusal = guards.another_node(would, claim, tools.reader.list(PODS, namespace))
    if refusal:
        raise PlanRefused(refusal)
    made = _start(would, tools)
    try:
        # Owned from the beginning: what goes wrong here leaves nothing behind. The pod waits for it.
        program.provide(made, tools)
        follow(made, tools, tick)
        return _written(made, tools)
    finally:
        remove(made, tools)


def _start(would: ChangeOwnership, tools: Tools) -> Mapping[str, Any]:
    body = job(would)
    namespace, name, run = would.claim.namespace, body["metadata"]["name"], token_hex(8)
    body["metadata"]["annotations"] = {**body["metadata"]["annotations"], RUN_ANNOTATION: run}
    try:
        return tools.writer.create(JOBS, body)
    except Conflict:
        there = tools.reader.get(JOBS, namespace, name)
        whose = (there["metadata"].get("annotations") or {}).get(RUN_ANNOTATION)
        if whose == run and own_jobs.same(there, body, tools):
            return there  # The answer to our own request was lost, and it was sent again.
        raise ActionFailed(f"Job {namespace}/{name} is there: somebody looks into {would.claim} right now.") from None


def _written(made: Mapping[str, Any], tools: Tools) -> list[str]:
    pod = next(iter(newest_pods(made, tools).values()))
    return list(tools.reader.log(pod["metadata"]["namespace"], pod["metadata"]["name"], CONTAINER))


def name_of(would: ChangeOwnership) -> str:
    what = f"{would.claim_uid}/{would.path}"
    return f"posit-audit-look-{hashlib.sha256(what.encode()).hexdigest()[:10]}"


def job(would: ChangeOwnership) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name_of(would),
            "namespace": would.claim.namespace,
            "labels": _LABELS,
            "annotations": ANNOTATIONS,
        },
        "spec": {
            "activeDeadlineSeconds": _SECONDS,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "backoffLimit": 1,
            "template": {
                "metadata": {"labels": _LABELS, "annotations": ANNOTATIONS},
                "spec": _pod_spec(would),
            },
        },
    }


def _pod_spec(would: ChangeOwnership) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": would.placement.image,
                "imagePullPolicy": would.placement.image_pull_policy,
                "command": commands.look(would.owner.uid, would.owner.gid),
                "volumeMounts": [
                    {**mount_of(would, commands.VOLUME), "readOnly": True},
                    program.mount(),
                ],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "64Mi"},
                    "limits": {"cpu": "1", "memory": "256Mi"},
                },
                "securityContext": {
                    "runAsUser": 0,
                    "runAsNonRoot": False,
                    "privileged": False,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    # Not DAC_READ_SEARCH: with it a program opens any file of the node by its handle.
                    "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]},
                },
            }
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": would.claim.name, "readOnly": True}},
            program.volume(),
        ],
        **placed(would.placement),
    }
