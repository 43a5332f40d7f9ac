"""The Job that changes ownership on a claim, as API objects. Pure.

It carries no label that a release's Service selects by, no service account token and no privilege but those to change
owners. Its name follows from what it does, so that a second run finds it instead of making another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from auditor.apply import program
from auditor.cluster.writer import FIELD_MANAGER
from auditor.model.action import ChangeOwnership, Placement
from auditor.worker import commands
from auditor.worker.commands import Mode

CONTAINER = "ownership"
UID_ANNOTATION = "posit-audit/claim-uid"
MODE_ANNOTATION = "posit-audit/ownership"
ACTION_ANNOTATION = "posit-audit/action"
"""The whole action, so that whoever finds the Job knows what it does."""
COMPONENT, LOOK = "ownership", "look"
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
    "FOWNER",  # to set setuid and setgid bits again, which a change of owner clears
    "FSETID",  # without it the kernel leaves setgid off where the group is not the process's
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
    return action.shards if mode == "change" and not action.placement.posix else 1


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
    volume, mount = _tools_of(placement)
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
                "volumeMounts": [mount_of(action, commands.VOLUME), mount],
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
            volume,
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


def _command(action: ChangeOwnership, mode: Mode) -> list[str]:
    uid, gid = action.owner.uid, action.owner.gid
    if action.placement.posix:
        return commands.by_twin(mode, uid, gid, move_aside=action.move_aside, records=action.records)
    parts = _shards(action, mode)
    return commands.by_program(mode, uid, gid, move_aside=action.move_aside, records=action.records, parts=parts)


def _tools_of(placement: Placement) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the pod has beside the volume, as a volume and its mount: the program, or room for the twin's lists, which
    nobody else can write to."""
    if placement.posix:
        return {"name": "scratch", "emptyDir": {}}, {"name": "scratch", "mountPath": commands.SCRATCH}
    return program.volume(), program.mount()
