"""An object's present JSON tells whether it has become what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.readiness import Progress, readiness


def condition(type_: str, status: str = "True", **more: str) -> dict[str, str]:
    return {"type": type_, "status": status, **more}


def deployment(generation: int = 2, **status: Any) -> dict[str, Any]:
    full = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {
        "kind": "Deployment",
        "metadata": {"generation": generation},
        "spec": {"replicas": 2},
        "status": {**full, **status},
    }


def of(kind: str, status: dict[str, Any], spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"kind": kind, "metadata": {}, "spec": spec or {}, "status": status}


def container(waiting: str) -> dict[str, Any]:
    return {"name": "c", "state": {"waiting": {"reason": waiting}}}


CURRENT, BUSY, FAILED = Progress.CURRENT, Progress.IN_PROGRESS, Progress.FAILED


@pytest.mark.parametrize(
    ("object_", "progress", "says"),
    [
        (deployment(), CURRENT, "2 of 2 replicas ready"),
        (deployment(generation=3), BUSY, "generation 3"),
        (deployment(updatedReplicas=1), BUSY, "1 of 2 replicas updated"),
        (deployment(replicas=3), BUSY, "1 old replicas"),
        (deployment(readyReplicas=1), BUSY, "1 of 2 replicas ready"),
        (deployment(availableReplicas=0), BUSY, "0 of 2 replicas ready"),
        (
            deployment(conditions=[condition("Progressing", "False", reason="ProgressDeadlineExceeded")]),
            FAILED,
            "deadline",
        ),
        (of("Deployment", {}), BUSY, "not yet seen"),
        (of("Deployment", {"observedGeneration": 1}, {"replicas": 0}), CURRENT, "0 of 0"),
        (of("Job", {"conditions": [condition("Complete")]}), CURRENT, "complete"),
        (of("Job", {"conditions": [condition("Failed", message="too many")]}), FAILED, "too many"),
        (of("Job", {"conditions": [condition("Failed", "False")]}), BUSY, "0 pods active"),
        (of("Job", {}, {"suspend": True}), BUSY, "suspended"),
        (of("Job", {"active": 1, "failed": 2}), BUSY, "1 pods active, 2 failed"),
        (of("Pod", {"phase": "Succeeded"}), CURRENT, "succeeded"),
        (of("Pod", {"phase": "Failed", "reason": "Evicted"}), FAILED, "Evicted"),
        (of("Pod", {"phase": "Pending", "containerStatuses": [container("ErrImagePull")]}), FAILED, "ErrImagePull"),
        (of("Pod", {"phase": "Pending", "containerStatuses": [container("ContainerCreating")]}), BUSY, "pending"),
        (
            of("Pod", {"phase": "Pending", "conditions": [condition("PodScheduled", "False", message="no node")]}),
            BUSY,
            "no node",
        ),
        (of("Pod", {"phase": "Running", "conditions": [condition("Ready")]}), CURRENT, "ready"),
        (of("Pod", {"phase": "Running"}), BUSY, "not ready"),
        (of("PersistentVolumeClaim", {"phase": "Bound"}), CURRENT, "bound"),
        (of("PersistentVolumeClaim", {"phase": "Lost"}), FAILED, "lost"),
        (of("PersistentVolumeClaim", {}), BUSY, "not bound"),
        (of("ConfigMap", {}), CURRENT, "exists"),
        ({"kind": "Job", "metadata": {"deletionTimestamp": "now"}}, BUSY, "being deleted"),
    ],
)
def test_readiness(object_: dict[str, Any], progress: Progress, says: str) -> None:
    result = readiness(object_)
    assert result.progress is progress
    assert says in result.reason
