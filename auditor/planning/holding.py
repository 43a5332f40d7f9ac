"""What the snapshot alone says against an action. `apply/guards.py` asks again, of the objects as they are then."""

from __future__ import annotations

from auditor.model.action import (
    Action,
    ChangeOwnership,
    HandBackFields,
    LabelServiceAccount,
    PatchValues,
    ScaleWorkload,
    UpgradeRelease,
)
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.snapshot import Claim, ReleaseState, Snapshot, Workload
from auditor.questions.accounts import of_kubernetes
from auditor.questions.gitops import would_be_taken_back
from auditor.questions.holders import Holder, holder_of, in_words, values_key

_SERVER_SIDE = 4
"""The first major version of Helm that knows server-side apply."""
_FINISHED = frozenset({HelmStatus.DEPLOYED, HelmStatus.FAILED})


def reason_to_hold(action: Action, snapshot: Snapshot, *, unsafe: bool = False, helm_major: int | None = None) -> str:
    """One sentence, or "" where nothing is known against it. `helm_major`: of the Helm at hand, if there is one."""
    match action:
        case LabelServiceAccount():
            return of_kubernetes(action.account) or _servers_own_account(action, snapshot)
        case ChangeOwnership():
            return _shared(action, snapshot) or ("" if action.after_stop else _one_node_only(action, snapshot))
        case PatchValues() | UpgradeRelease():
            return (
                _helm_at_work(action, snapshot)
                or _deployed_from_repository(action, snapshot)
                or _older_helm(action, snapshot, helm_major)
                or _fields_held(action, snapshot, unsafe=unsafe)
            )
        case HandBackFields():
            return ""
        case ScaleWorkload():
            return ""


def _servers_own_account(action: LabelServiceAccount, snapshot: Snapshot) -> str:
    for release in snapshot.releases:
        if (
            release.product is Product.CONNECT
            and isinstance(release.workload, Workload)
            and release.ref.namespace == action.account.namespace
            and release.workload.service_account == action.account.name
        ):
            return (
                f"{action.account} is the server's own account in release {release.ref}, and content must not be able"
                " to run with its rights. Give content an account of its own."
            )
    return ""


def _helm_at_work(action: PatchValues | UpgradeRelease, snapshot: Snapshot) -> str:
    release = _release(action, snapshot)
    helm = release.helm if release else None
    if not isinstance(helm, HelmRecord) or helm.status in _FINISHED:
        return ""
    return (
        f"Release {action.namespace}/{action.release} is {helm.status} at revision {helm.revision}: another Helm"
        " operation is under way or was cut off. Let it end, or roll it back, and plan again."
    )


def _deployed_from_repository(action: PatchValues | UpgradeRelease, snapshot: Snapshot) -> str:
    release = _release(action, snapshot)
    tool = release.workload.deployed_by if release and isinstance(release.workload, Workload) else ""
    return would_be_taken_back(release.ref, tool) if release and tool else ""


def _older_helm(action: PatchValues | UpgradeRelease, snapshot: Snapshot, helm_major: int | None) -> str:
    release = _release(action, snapshot)
    helm = release.helm if release else None
    if helm_major is None or helm_major >= _SERVER_SIDE or not isinstance(helm, HelmRecord) or not helm.server_side:
        return ""
    return (
        f"Release {action.namespace}/{action.release} was made by Helm 4 with server-side apply, and this is Helm"
        f" {helm_major}, which would drop that method without a message. Name a Helm 4 with --helm FILE."
    )


def _fields_held(action: PatchValues | UpgradeRelease, snapshot: Snapshot, *, unsafe: bool) -> str:
    """What no step of ours settles. A controller is never overruled: it would set its value again."""
    release = _release(action, snapshot)
    held = release.held_fields if release and not isinstance(release.held_fields, Unseen) else ()
    left = {Holder.CONTROLLER} if unsafe else {Holder.CONTROLLER, Holder.UNKNOWN}
    found = [one for one in held if holder_of(one) in left]
    if not found:
        return ""
    keys = sorted({key for one in found if (key := values_key(one))})
    how = f"Set the values key {', '.join(keys)} to that value" if keys else "Set that value in the release's values"
    more = (
        ""
        if any(holder_of(one) is Holder.CONTROLLER for one in found)
        else ", or let the upgrade overrule it: --unsafe"
    )
    return (
        f"helm upgrade of release {action.namespace}/{action.release} would fail by a conflict:"
        f" {'; '.join(map(in_words, found))}. {how}{more}."
    )


def _shared(action: ChangeOwnership, snapshot: Snapshot) -> str:
    """What another release has in the same directory belongs to that one's user."""
    own = (action.claim.namespace, action.release)
    for release in snapshot.releases:
        if (release.ref.namespace, release.ref.name) != own and _has(release, action):
            return (
                f"{action.claim} is also mounted by release {release.ref}, whose files there must not be given to"
                f" {action.owner}. Give each release a claim or a directory (sharedStorage.subPath) of its own, or"
                " change the owner of this release's directories by hand."
            )
    return ""


def _has(release: ReleaseState, action: ChangeOwnership) -> bool:
    """Whether it mounts something of what the action changes; where its data are elsewhere, its pods tell."""
    directories = [claim.sub_path for claim in _claims(release) if claim.ref == action.claim]
    if directories:
        return any(_overlap(action.path, directory) for directory in directories)
    pods = () if isinstance(release.pods, Unseen) else release.pods
    return release.ref.namespace == action.claim.namespace and any(action.claim.name in pod.claims for pod in pods)


def _overlap(one: str, other: str) -> bool:
    paths = [f"{path.strip('/')}/".lstrip("/") for path in (one, other)]
    return paths[0].startswith(paths[1]) or paths[1].startswith(paths[0])


def _one_node_only(action: ChangeOwnership, snapshot: Snapshot) -> str:
    claims = [claim for release in snapshot.releases for claim in _claims(release) if claim.ref == action.claim]
    modes = {mode for claim in claims for mode in claim.access_modes}
    users = [
        pod
        for release in snapshot.releases
        if release.ref.namespace == action.claim.namespace and not isinstance(release.pods, Unseen)
        for pod in release.pods
        if action.claim.name in pod.claims and pod.phase in ("Pending", "Running")
    ]
    if modes == {"ReadWriteOncePod"} and users:
        return (
            f"{action.claim} is ReadWriteOncePod and pod {users[0].ref.name} uses it, so no other pod can look into it."
            " Scale the workload to zero, then plan again."
        )
    nodes = sorted({pod.node for pod in users if pod.node})
    if modes and modes <= {"ReadWriteOnce", "ReadWriteOncePod"} and len(nodes) > 1:
        return (
            f"{action.claim} is ReadWriteOnce and its pods are on several nodes ({', '.join(nodes)}): a rollout is"
            " under way or stuck. Let it end, then plan again."
        )
    return ""


def _release(action: PatchValues | UpgradeRelease, snapshot: Snapshot) -> ReleaseState | None:
    wanted = (action.namespace, action.release)
    return next((r for r in snapshot.releases if (r.ref.namespace, r.ref.name) == wanted), None)


def _claims(release: ReleaseState) -> tuple[Claim, ...]:
    return () if isinstance(release.claims, Unseen) else release.claims
