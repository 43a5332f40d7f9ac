"""From a look into a volume to the Job that mends what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from auditor.model.action import ChangeOwnership, Knowledge, Placement
from auditor.model.finding import Fix
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import ContentDirectory, Owner, OwnershipProbe
from auditor.model.seen import NotSeenError, Unseen, seen
from auditor.model.snapshot import Claim, Pod, ReleaseState
from auditor.questions import required
from auditor.questions.pod_spec import container
from auditor.questions.stopping import start, stop
from auditor.questions.volumes import volume_of


def repair(release: ReleaseState, probe: OwnershipProbe, summary: str) -> Fix:
    """The Job; where only one pod may have the claim, between stopping the server and starting it again, which nobody
    gets unasked. Raises NotSeenError as change_ownership does."""
    action = change_ownership(release, probe)
    workload = required.workload(release)
    modes = {mode for claim in seen(release.claims) if claim.ref == probe.claim for mode in claim.access_modes}
    if modes != {"ReadWriteOncePod"} or not workload.replicas:
        return Fix(summary=summary, actions=(action,))
    python = not action.placement.posix
    return Fix(
        summary=f"{summary} The server is stopped for it, since {probe.claim} is ReadWriteOncePod.",
        actions=(
            stop(workload, python=python),
            msgspec.structs.replace(action, after_stop=True),
            start(workload, python=python),
        ),
        safe=False,
    )


def change_ownership(release: ReleaseState, probe: OwnershipProbe) -> ChangeOwnership:
    """Of all that the server has of the claim. Raises NotSeenError where the claim, the pods or the workload were not
    seen."""
    claim = _claim(release, probe.claim)
    return ChangeOwnership(
        claim=claim.ref,
        claim_uid=claim.uid,
        release=release.ref.name,
        owner=probe.expected,
        wrong=probe.wrong_count,
        path=claim.sub_path,
        pod_security=_pod_security(release),
        move_aside=probe.root_activations,
        placement=_placement(release, claim, probe),
    )


def give_directory(release: ReleaseState, directory: ContentDirectory, owner: Owner) -> ChangeOwnership:
    """Raises NotSeenError as change_ownership does."""
    claim = _claim(release, directory.claim)
    return ChangeOwnership(
        claim=claim.ref,
        claim_uid=claim.uid,
        release=release.ref.name,
        owner=owner,
        wrong=directory.unreadable_count or 1,
        path=directory.sub_path,
        pod_security=_pod_security(release),
        placement=_placement(release, claim, directory),
    )


def _pod_security(release: ReleaseState) -> str:
    """Where nobody may see the namespace, the API server says it before anything is changed."""
    return "" if isinstance(release.pod_security, Unseen) else release.pod_security


def _claim(release: ReleaseState, ref: ObjectRef) -> Claim:
    claim = next((claim for claim in seen(release.claims) if claim.ref == ref and claim.exists), None)
    if claim is None:
        raise NotSeenError(Unseen(reason=f"{ref} is not there."))
    return claim


_KNOWN: Mapping[str, Knowledge] = {"python": "found", "posix": "none"}


def _placement(release: ReleaseState, claim: Claim, saw: OwnershipProbe | ContentDirectory) -> Placement:
    spec = required.workload(release).pod_spec.reveal()
    server = container(spec, release.product.container)
    return Placement(
        image=server["image"],
        image_pull_policy=server.get("imagePullPolicy") or "IfNotPresent",
        image_pull_secrets=tuple(entry["name"] for entry in spec.get("imagePullSecrets") or ()),
        node=_node(seen(release.pods), claim) if _is_on_one_node(release, claim) else "",
        node_selector=spec.get("nodeSelector") or {},
        tolerations=tuple(spec.get("tolerations") or ()),
        affinity=_node_affinity(spec),
        priority_class=spec.get("priorityClassName") or "",
        python=saw.python,
        has_python=_KNOWN.get(saw.method, "not known"),
        limits=saw.limits,
    )


def _is_on_one_node(release: ReleaseState, claim: Claim) -> bool:
    """A hostPath is another directory on each node, whatever its access modes say."""
    volume = volume_of(release, claim.ref.name)
    return "ReadWriteMany" not in claim.access_modes or bool(volume and "hostPath" in volume.spec)


def _node(pods: tuple[Pod, ...], claim: Claim) -> str:
    """Where the claim is in use: a pod that is there to stay comes before one that is on its way out."""
    users = sorted((pod.deleting, pod.node) for pod in pods if claim.ref.name in pod.claims and pod.node)
    return users[0][1] if users else ""


def _node_affinity(spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Without affinity to pods: a release that keeps its replicas apart would keep the Job away from its own node."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity")
    return {"nodeAffinity": affinity} if affinity else None
