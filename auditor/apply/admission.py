"""Whether a namespace admits a pod that runs as root. The API server's Status for a pod that admission refuses has the
reason Forbidden and no causes, whatever the cause is, and an Event has only its text. So the server is asked with dry
runs: if it refuses the pod and admits the same pod without root, then root is the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply.tools import Tools
from auditor.errors import ApiError, ClusterError, Forbidden
from auditor.model.kubernetes import NAMESPACES, PODS, Access
from auditor.questions.admission import ENFORCED, REFUSE_ROOT

CREATE_PODS = Access(PODS, ("create",))
"""Used with dryRun only."""
_AS_ANYONE = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_WITHOUT_RIGHTS = {
    "runAsNonRoot": True,
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def root_is_why(pod: Mapping[str, Any], tools: Tools) -> bool:
    """Of a pod that was refused."""
    try:
        tools.writer.create(PODS, _without_root(pod), dry_run=True)
    except (ApiError, ClusterError):
        return False
    return True


def never_admits(job: Mapping[str, Any], tools: Tools) -> bool:
    """Whether root is why the pod of this Job can't be created. If the identity must not create pods, the namespace's
    Pod Security level decides. False if neither can be asked, or if the server admits such a pod from us."""
    namespace, template = job["metadata"]["namespace"], job["spec"]["template"]
    metadata = {
        **(template.get("metadata") or {}),
        "name": f"{job['metadata']['name']}-dry-run",
        "namespace": namespace,
    }
    pod = {"metadata": metadata, "spec": template["spec"]}
    try:
        if not tools.reader.allowed(CREATE_PODS, "create", namespace):
            labels = tools.reader.get(NAMESPACES, "", namespace)["metadata"].get("labels") or {}
            return labels.get(ENFORCED) in REFUSE_ROOT
        tools.writer.create(PODS, pod, dry_run=True)
    except Forbidden:
        return root_is_why(pod, tools)
    except (ApiError, ClusterError):
        return False
    return False


def _without_root(pod: Mapping[str, Any]) -> dict[str, Any]:
    """No user is named, since OpenShift gives each namespace its own range of them."""
    spec = pod["spec"]
    containers = [{**container, "securityContext": _WITHOUT_RIGHTS} for container in spec["containers"]]
    return {**pod, "spec": {**spec, "securityContext": _AS_ANYONE, "containers": containers}}
