"""What pods may do more than before."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.questions.pod_gains import gains


def deployment(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "a", "securityContext": container or {}}]
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers, **spec}}}}


PLAIN = deployment()
HOST = [{"name": "a", "hostPath": {"path": "/"}}]


@pytest.mark.parametrize(
    ("wanted", "live", "more"),
    [
        (PLAIN, PLAIN, ()),
        (PLAIN, None, ()),
        (deployment(volumes=HOST), PLAIN, ("hostPath volume",)),
        (deployment(volumes=HOST), deployment(volumes=HOST), ()),
        (deployment(volumes=HOST), deployment(volumes=[{"hostPath": {"path": "/tmp"}}]), ("hostPath volume",)),
        (deployment(volumes=[{"name": "a", "configMap": {"name": "b"}}]), PLAIN, ()),
        (deployment(hostNetwork=True, hostPID=True), PLAIN, ("hostNetwork", "hostPID")),
        (deployment(volumes=HOST), deployment(volumes=[{"name": "a", "hostPath": {"path": "/", "type": ""}}]), ()),
        (deployment(serviceAccountName="admin"), PLAIN, ("another service account",)),
        (deployment(serviceAccountName="default"), PLAIN, ()),
        (deployment({"privileged": True, "runAsUser": 0}), PLAIN, ("privileged", "user 0")),
        (
            deployment({"capabilities": {"add": ["A", "B"]}}),
            deployment({"capabilities": {"add": ["A"]}}),
            ("capabilities",),
        ),
        (deployment({"seccompProfile": {"type": "Unconfined"}}), PLAIN, ("no seccomp profile",)),
        (deployment(securityContext={"runAsUser": 0}), PLAIN, ("user 0",)),
        (PLAIN, deployment({"privileged": True}), ()),
        ({"kind": "Pod", "spec": {"hostIPC": True}}, None, ("hostIPC",)),
        ({"kind": "CronJob", "spec": {"jobTemplate": {"spec": PLAIN["spec"]}}}, None, ()),
        (
            {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"hostPID": 1}}}}}},
            None,
            ("hostPID",),
        ),
        (
            {"kind": "Deployment", "spec": {"template": {"spec": {"containers": 3}}}},
            None,
            ("something that can't be read",),
        ),
        ({"kind": "ConfigMap", "data": {}}, None, ()),
    ],
)
def test_gains(wanted: Any, live: Any, more: tuple[str, ...]) -> None:
    assert gains(wanted, live) == more
