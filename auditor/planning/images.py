"""In which image the ownership Job of each fix works, why, and which comes next if that one fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from auditor.model.action import Action, Candidate, ChangeOwnership, Placement, UpgradeRelease
from auditor.model.finding import Finding, Fix
from auditor.model.own_pod import OwnPod
from auditor.model.ownership import OwnershipProbe
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseState, Snapshot, Workload
from auditor.model.target import Target
from auditor.questions.stopping import start, stop
from auditor.worker.limits import ALWAYS

_STOPPED_FOR_IT = (
    " The server is stopped for it: no image with Python 3.8 or later is known, and the shell program changes owners"
    " only while nothing else uses the volume. --worker-image names an image that has Python."
)


def with_images(
    snapshot: Snapshot, findings: Iterable[Finding], *, asked: str = "", own: OwnPod | None = None
) -> tuple[Finding, ...]:
    """The same findings, with images for their Jobs. Where only the shell program is left, the server is stopped for
    it."""
    releases = {state.ref: state for state in snapshot.releases}
    given = tuple(findings)
    upgraded = {
        finding.release
        for finding in given
        if finding.fix and any(isinstance(action, UpgradeRelease) for action in finding.fix.actions)
    }

    def placed(finding: Finding) -> Finding:
        release = releases.get(finding.release)
        if finding.fix is None or release is None:
            return finding
        upgrades = finding.release in upgraded
        fix = _with_images(finding.fix, release, snapshot, asked=asked, own=own, upgrades=upgrades)
        return msgspec.structs.replace(finding, fix=fix)

    return tuple(map(placed, given))


def _with_images(
    fix: Fix, release: ReleaseState, snapshot: Snapshot, *, asked: str, own: OwnPod | None, upgrades: bool
) -> Fix:
    actions: list[Action] = []
    for action in fix.actions:
        if isinstance(action, ChangeOwnership):
            first, *others = candidates(action, release, snapshot, asked=asked, own=own, upgrades=upgrades)
            placed = action.placement.taking(first, tuple(others))
            actions.append(msgspec.structs.replace(action, placement=placed))
        else:
            actions.append(action)
    placed_fix = msgspec.structs.replace(fix, actions=tuple(actions))
    beside = any(isinstance(one, ChangeOwnership) and one.placement.posix and not one.after_stop for one in actions)
    return _stopped(placed_fix, release) if beside else placed_fix


def _stopped(fix: Fix, release: ReleaseState) -> Fix:
    workload = release.workload
    if not isinstance(workload, Workload) or not workload.replicas:
        return fix
    quiet = (
        msgspec.structs.replace(one, after_stop=True) if isinstance(one, ChangeOwnership) else one
        for one in fix.actions
    )
    actions = (stop(workload, python=False), *quiet, start(workload, python=False))
    return msgspec.structs.replace(fix, summary=f"{fix.summary}{_STOPPED_FOR_IT}", actions=actions, safe=False)


def candidates(
    action: ChangeOwnership,
    release: ReleaseState,
    snapshot: Snapshot,
    *,
    asked: str = "",
    own: OwnPod | None = None,
    upgrades: bool = False,
) -> tuple[Candidate, ...]:
    """At least one. Each image once, in the order of trust: what was asked for, what certainly runs on this cluster,
    what is about to, and what others run."""
    found: dict[tuple[str, bool], Candidate] = {}
    for one in _all(action, release, snapshot, asked=asked, own=own, upgrades=upgrades):
        found.setdefault((one.image, one.has_python == "none"), one)
    programs = tuple(one for one in found.values() if one.has_python != "none")
    twin = tuple(one for one in found.values() if one.has_python == "none")
    return (*programs, *twin) if action.after_stop or not programs else programs


def _all(
    action: ChangeOwnership,
    release: ReleaseState,
    snapshot: Snapshot,
    *,
    asked: str,
    own: OwnPod | None,
    upgrades: bool,
) -> Iterator[Candidate]:
    release_s = _own_of_release(action.placement)
    if asked:
        yield msgspec.structs.replace(
            release_s, image=asked, image_pull_policy="IfNotPresent", **_UNSEEN, why="--worker-image names it"
        )
    if not action.placement.posix:
        yield release_s
    agent = of_agent(action, own) if own else None
    if agent:
        yield agent
    target = release.target
    known_without = action.placement.posix and isinstance(target, Target) and target.image == action.placement.image
    if upgrades and isinstance(target, Target) and target.image and not known_without:
        why = f"it is the server's image in chart {target.version}"
        yield msgspec.structs.replace(release_s, image=target.image, **_UNSEEN, why=why)
    for other, probe in _others_with_python(release, snapshot, action.claim.namespace):
        workload = other.workload
        if isinstance(workload, Workload):
            yield _image_of(other, workload, probe)
    yield msgspec.structs.replace(
        release_s,
        has_python="none",
        python="",
        limits=action.placement.limits or ALWAYS,
        why="it is the release's own image, where the shell program does the work",
    )


_UNSEEN = {"has_python": "not known", "python": "", "limits": ()}


def _own_of_release(placement: Placement) -> Candidate:
    return Candidate(
        image=placement.image,
        image_pull_policy=placement.image_pull_policy,
        image_pull_secrets=placement.image_pull_secrets,
        python=placement.python,
        has_python=placement.has_python,
        limits=placement.limits,
        why="it is the release's own image",
    )


def of_agent(action: ChangeOwnership, own: OwnPod) -> Candidate | None:
    """Where pulling it takes a Secret, only those in the agent's own namespace do: a pod can't use another's."""
    if own.image_pull_secrets and action.claim.namespace != own.namespace:
        return None
    return Candidate(
        image=own.image,
        image_pull_policy=own.image_pull_policy,
        image_pull_secrets=own.image_pull_secrets,
        why="it is the image that posit-audit itself runs in",
    )


def _others_with_python(
    release: ReleaseState, snapshot: Snapshot, namespace: str
) -> Iterator[tuple[ReleaseState, OwnershipProbe]]:
    for other in snapshot.releases:
        if other.ref == release.ref or other.ref.namespace != namespace or isinstance(other.ownership, Unseen):
            continue
        yield from ((other, probe) for probe in other.ownership[:1] if probe.method == "python")


def _image_of(other: ReleaseState, workload: Workload, probe: OwnershipProbe) -> Candidate:
    spec = workload.pod_spec.reveal()
    server = next(one for one in spec["containers"] if one["name"] == other.product.container)
    return Candidate(
        image=server["image"],
        image_pull_policy=server.get("imagePullPolicy") or "IfNotPresent",
        image_pull_secrets=tuple(entry["name"] for entry in spec.get("imagePullSecrets") or ()),
        python=probe.python,
        has_python="found",
        why=f"it is the image of release {other.ref}, in which a look found Python",
    )
