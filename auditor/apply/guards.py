"""Named reasons not to touch an object, told from objects as they are now. Pure: each takes plain API objects and gives
one sentence, or "" where it has nothing against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from auditor.cluster.writer import FIELD_MANAGER
from auditor.model.action import ChangeOwnership, LabelServiceAccount
from auditor.model.catalog import StorageRow
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.product import Product
from auditor.model.snapshot import ReleaseRef
from auditor.questions.admission import ENFORCED, REFUSE_ROOT, enforces, refused_as_root
from auditor.questions.gitops import deployed_by, would_be_taken_back
from auditor.readiness import Progress, readiness

_ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})


def servers_own_account(action: LabelServiceAccount, deployments: Iterable[Mapping[str, Any]]) -> str:
    for deployment in deployments:
        spec = deployment["spec"]["template"]["spec"]
        names = {container["name"] for container in spec.get("containers") or ()}
        account = spec.get("serviceAccountName") or "default"
        if Product.CONNECT.container in names and account == action.account.name:
            return (
                f"{action.account} is the server's own account in Deployment {deployment['metadata']['name']}, and"
                " content must not be able to run with its rights."
            )
    return ""


def helm_at_work(release: ReleaseRef, record: HelmRecord) -> str:
    if record.status in (HelmStatus.DEPLOYED, HelmStatus.FAILED):
        return ""
    return (
        f"Release {release} is {record.status} at revision {record.revision}: another Helm operation is under way or"
        " was cut off."
    )


def owned_by_git(release: ReleaseRef, objects: Iterable[Mapping[str, Any]]) -> str:
    tool = next(filter(None, (deployed_by(object_["metadata"]) for object_ in objects)), "")
    return would_be_taken_back(release, tool) if tool else ""


def another_node(action: ChangeOwnership, claim: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> str:
    """Whether a pod of ours could mount the claim beside the pods that use it."""
    modes = set(claim["spec"].get("accessModes") or ())
    users = [pod for pod in pods if _uses(pod, action.claim.name)]
    if not users or not modes <= _ONE_NODE:
        return ""
    if modes == {"ReadWriteOncePod"}:
        return (
            f"{action.claim} is ReadWriteOncePod and pod {users[0]['metadata']['name']} uses it. Scale the workload to"
            " zero first."
        )
    nodes = _nodes(users)
    if len(nodes) > 1:
        return f"{action.claim} is ReadWriteOnce and its pods are on several nodes ({', '.join(nodes)})."
    if nodes and action.placement.node != nodes[0]:
        return f"{action.claim} is ReadWriteOnce and is used on node {nodes[0]} now, not as planned. Plan again."
    return ""


def beside_the_server(action: ChangeOwnership, pods: Iterable[Mapping[str, Any]]) -> str:
    """The shell program works by paths: nobody may move what it works on meanwhile."""
    users = [pod for pod in pods if _uses(pod, action.claim.name)] if action.placement.posix else []
    if not users:
        return ""
    return (
        f"Image {action.placement.image} has no Python 3.8 or later, and the shell program changes owners only while"
        f" nothing else uses the volume: pod {users[0]['metadata']['name']} uses {action.claim}. Stop what uses it, or"
        " name an image that has Python with --worker-image."
    )


def node_in_use(action: ChangeOwnership, claim: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> str:
    """Where the claim is used, if only one node may use it at a time."""
    one_at_a_time = set(claim["spec"].get("accessModes") or ()) <= _ONE_NODE
    nodes = _nodes(pod for pod in pods if _uses(pod, action.claim.name)) if one_at_a_time else []
    return nodes[0] if nodes else ""


def _nodes(pods: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName")})


def owners_change(deployment: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]]) -> str:
    """Whether an ownership Job of ours is at work on a claim that the server would write to."""
    claims = _claims(deployment["spec"]["template"]["spec"])
    for job in jobs:
        shared = sorted(claims & _claims(job["spec"]["template"]["spec"]))
        if shared and readiness(job).progress is Progress.IN_PROGRESS:
            name = f"{job['metadata']['namespace']}/{job['metadata']['name']}"
            server = f"Deployment {deployment['metadata']['name']}"
            return f"Job {name} still changes owners on claim {shared[0]}, and {server} must not write to it meanwhile."
    return ""


def _uses(pod: Mapping[str, Any], claim: str) -> bool:
    """A pod of ours is that of an earlier run, which is gone on with, and so in nobody's way."""
    ours = (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == FIELD_MANAGER
    if ours or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    return claim in _claims(pod["spec"])


def _claims(pod_spec: Mapping[str, Any]) -> set[str]:
    volumes = (volume.get("persistentVolumeClaim") or {} for volume in pod_spec.get("volumes") or ())
    return {volume["claimName"] for volume in volumes if volume}


def pointless_storage(row: StorageRow | None) -> str:
    if row is None or row.ownership in ("chown-ok", "needs-probe"):
        return ""
    return f"Ownership can't be changed on {row.title}, since {row.why}: {row.instead}."


def pod_security(namespace: Mapping[str, Any]) -> str:
    metadata = namespace["metadata"]
    level = (metadata.get("labels") or {}).get(ENFORCED, "")
    return refused_as_root(metadata["name"], enforces(level)) if level in REFUSE_ROOT else ""
