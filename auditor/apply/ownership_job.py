"""The Job that changes ownership on a claim, as API objects. Pure.

It carries no label that a release's Service selects by, no service account token and no privilege but those to change
owners. Its name follows from what it does, so that a second run finds it instead of making another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

import msgspec

from auditor.cluster.writer import FIELD_MANAGER
from auditor.model.action import ChangeOwnership, Placement
from auditor.worker import bundle

Mode = Literal["change", "undo"]

CONTAINER = "ownership"
UID_ANNOTATION = "posit-audit/claim-uid"
MODE_ANNOTATION = "posit-audit/ownership"
ACTION_ANNOTATION = "posit-audit/action"
"""The whole action, so that whoever finds the Job knows what it does."""
COMPONENT, LOOK = "ownership", "look"
_VOLUME = "/volume"
_PROGRAM = "/posit-audit"
LABELS = {
    "app.kubernetes.io/name": "posit-audit",
    "app.kubernetes.io/component": COMPONENT,
    "app.kubernetes.io/managed-by": FIELD_MANAGER,
    # A mesh's sidecar would never end, and so neither would the Job.
    "sidecar.istio.io/inject": "false",
}
ANNOTATIONS = {"linkerd.io/inject": "disabled", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",  # to enter folders that are closed to others
    "FOWNER",  # to set setuid bits again, which a change of owner clears
)
SELECTOR = ",".join(
    f"app.kubernetes.io/{key}={LABELS[f'app.kubernetes.io/{key}']}" for key in ("component", "managed-by")
)
_KEPT_SECONDS = 24 * 3600
"""A Job that ended stays so long for its log to be read."""
_JOB_UID = "batch.kubernetes.io/controller-uid"
"""The label by which a pod knows its Job. https://kubernetes.io/docs/reference/labels-annotations-taints/"""
_RETRIES = 6


_ENVIRONMENT = [{"name": "JOB_UID", "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{_JOB_UID}']"}}}]


def name_of(action: ChangeOwnership, mode: Mode) -> str:
    what = "\0".join((action.claim_uid, action.path, str(action.owner), mode))
    return f"posit-audit-ownership-{hashlib.sha256(what.encode()).hexdigest()[:10]}"


def config_map(action: ChangeOwnership, mode: Mode, job_uid: str = "") -> dict[str, Any]:
    """The worker's program. With `job_uid` it goes when the Job goes."""
    program, name = _program(action.placement), name_of(action, mode)
    owners = [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job_uid}] if job_uid else []
    return {
        "metadata": {
            "name": name,
            "namespace": action.claim.namespace,
            "labels": LABELS,
            **({"ownerReferences": owners} if owners else {}),
        },
        "data": {program: bundle.program().decode() if action.placement.python else _twin()},
    }


def job(action: ChangeOwnership, mode: Mode, *, seconds: int) -> dict[str, Any]:
    """`seconds`: after them Kubernetes ends it."""
    return {
        "metadata": {
            "name": name_of(action, mode),
            "namespace": action.claim.namespace,
            "labels": LABELS,
            "annotations": {
                **ANNOTATIONS,
                UID_ANNOTATION: action.claim_uid,
                MODE_ANNOTATION: mode,
                ACTION_ANNOTATION: msgspec.json.encode(action).decode(),
            },
        },
        "spec": {
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            **_attempts(action, mode),
            "template": {"metadata": {"labels": LABELS, "annotations": ANNOTATIONS}, "spec": _pod_spec(action, mode)},
        },
    }


def _attempts(action: ChangeOwnership, mode: Mode) -> dict[str, Any]:
    """What ends it and what does not. Killed for its memory it is tried again, a few times; each time it goes on from
    its state. Where another part fails, the others still do theirs."""
    sharded = _shards(action, mode) > 1

    def on_exit(reaction: str, *codes: int) -> dict[str, Any]:
        return {
            "action": reaction,
            "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": list(codes)},
        }

    rules = [
        # Evicted, preempted, node gone: it goes on elsewhere from its state, however often that happens.
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        # Told to stop: its Job is suspended, or somebody deleted the pod.
        on_exit("Ignore", 143),
        # The worker itself says no (root squash, read-only, full), or the image lacks the program: asking again gives
        # the same answer.
        on_exit("FailIndex" if sharded else "FailJob", 1, 2, 126, 127, 128),
    ]
    if not sharded:
        return {"backoffLimit": _RETRIES, "podFailurePolicy": {"rules": rules}}
    parts = _shards(action, mode)
    return {
        "completionMode": "Indexed",
        "completions": parts,
        "parallelism": parts,
        "backoffLimitPerIndex": _RETRIES,
        "podFailurePolicy": {"rules": rules},
    }


def _shards(action: ChangeOwnership, mode: Mode) -> int:
    """One pod takes back what all parts did: only together do their records tell each entry's first owner."""
    return action.shards if mode == "change" and action.placement.python else 1


def pod(action: ChangeOwnership, mode: Mode) -> dict[str, Any]:
    """As the Job would make it: admission speaks about pods, not about Jobs."""
    return {
        "metadata": {
            "name": f"{name_of(action, mode)}-dry-run",
            "namespace": action.claim.namespace,
            "labels": LABELS,
            "annotations": ANNOTATIONS,
        },
        "spec": _pod_spec(action, mode),
    }


def _pod_spec(action: ChangeOwnership, mode: Mode) -> dict[str, Any]:
    placement = action.placement
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        # No fsGroup: kubelet would walk the whole volume itself before the pod starts.
        "securityContext": {"runAsUser": 0, "runAsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": CONTAINER,
                "image": placement.image,
                "imagePullPolicy": placement.image_pull_policy,
                "command": _command(action, mode),
                **({"env": _ENVIRONMENT} if _shards(action, mode) > 1 else {}),
                "volumeMounts": [
                    mount_of(action, _VOLUME),
                    {"name": "program", "mountPath": _PROGRAM, "readOnly": True},
                ],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"cpu": "2", "memory": "512Mi"},
                },
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": {
                    "runAsUser": 0,
                    "runAsNonRoot": False,
                    "privileged": False,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"], "add": list(_CAPABILITIES)},
                },
            }
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": action.claim.name}},
            {"name": "program", "configMap": {"name": name_of(action, mode), "defaultMode": 0o444}},
        ],
        **placed(placement),
        **({"topologySpreadConstraints": [_spread(name_of(action, mode))]} if _shards(action, mode) > 1 else {}),
    }


def _spread(job_name: str) -> dict[str, Any]:
    """Over the nodes, as far as they have room: each has its own connection to the storage."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"batch.kubernetes.io/job-name": job_name}},
    }


def mount_of(action: ChangeOwnership, where: str) -> dict[str, Any]:
    mount = {"name": "data", "mountPath": where}
    return {**mount, "subPath": action.path} if action.path else mount


def placed(placement: Placement) -> dict[str, Any]:
    """Fields of a pod's spec."""
    placed: dict[str, Any] = {
        "imagePullSecrets": [{"name": name} for name in placement.image_pull_secrets],
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
        "priorityClassName": placement.priority_class,
        "affinity": _affinity(placement),
    }
    return {field: value for field, value in placed.items() if value}


def _affinity(placement: Placement) -> Mapping[str, Any]:
    """Only what speaks of nodes: the release's rules about pods are about its own replicas."""
    if placement.node:
        # By name, and through the scheduler, which knows about taints and resources.
        here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [placement.node]}]}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [here]}}}
    node_affinity = (placement.affinity or {}).get("nodeAffinity")
    return {"nodeAffinity": node_affinity} if node_affinity else {}


def _program(placement: Placement) -> str:
    return bundle.NAME if placement.python else "ownership.sh"


def _twin() -> str:
    return files("auditor.worker").joinpath("ownership.sh").read_text(encoding="utf-8")


def _command(action: ChangeOwnership, mode: Mode) -> list[str]:
    program = f"{_PROGRAM}/{_program(action.placement)}"
    uid, gid = str(action.owner.uid), str(action.owner.gid)
    if not action.placement.python:
        return ["sh", program, _VOLUME, uid, gid, *action.move_aside]
    state = f"{_VOLUME}/.posit-audit-ownership-{uid}-{gid}.state"
    undo = ["--undo", *(f"--record={record}" for record in action.records)]
    task = undo if mode == "undo" else [f"--move-aside={path}" for path in action.move_aside]
    if _shards(action, mode) > 1:
        # A record of each Job's own, by which its parts know each other; one undo of the plain name reads them all.
        state = f"{state}.$(JOB_UID)"
        task.append(f"--shard=$(JOB_COMPLETION_INDEX)/{action.shards}")
    return ["python3", "-I", "-S", program, _VOLUME, "--uid", uid, "--gid", gid, "--state", state, *task]
