"""With which image, and in how many parts, the Jobs of a plan work."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from auditor.model.action import ChangeOwnership, Placement
from auditor.model.own_pod import OwnPod
from auditor.model.plan import Plan, Step
from auditor.model.seen import Unseen
from auditor.model.snapshot import Snapshot
from auditor.planning.plan import with_action

Change = Callable[[ChangeOwnership], ChangeOwnership]


def with_own_image(plan: Plan, own: OwnPod) -> Plan:
    """Ownership Jobs get the agent's own image, which has Python and which the cluster was just able to pull. Where
    pulling it takes a Secret, only those in the agent's own namespace do: a pod can't use another namespace's."""
    return _each(plan, lambda action: msgspec.structs.replace(action, placement=image_of(action, own)))


def image_of(action: ChangeOwnership, own: OwnPod) -> Placement:
    """Where it was to run, with the agent's image where it can be pulled there."""
    if own.image_pull_secrets and action.claim.namespace != own.namespace:
        return action.placement
    return msgspec.structs.replace(
        action.placement,
        image=own.image,
        image_pull_policy=own.image_pull_policy,
        image_pull_secrets=own.image_pull_secrets,
        python=True,
    )


def with_image(plan: Plan, image: str) -> Plan:
    """Ownership Jobs get this image, which has to have Python. The release's pull secrets stay: it may need them."""

    def placed(action: ChangeOwnership) -> ChangeOwnership:
        placement = msgspec.structs.replace(
            action.placement, image=image, image_pull_policy="IfNotPresent", python=True
        )
        return msgspec.structs.replace(action, placement=placement)

    return _each(plan, placed)


def with_shards(plan: Plan, snapshot: Snapshot, shards: int) -> tuple[Plan, tuple[str, ...]]:
    """Volumes that several nodes can mount are worked on in parts; and a sentence for each that is not. It would gain
    nothing by it, or the POSIX tools can't share work."""
    if shards == 1:
        return plan, ()
    modes = {
        claim.ref: claim.access_modes
        for release in snapshot.releases
        if not isinstance(release.claims, Unseen)
        for claim in release.claims
    }
    whole: list[str] = []

    def parted(action: ChangeOwnership) -> ChangeOwnership:
        why = _why_whole(action, modes.get(action.claim, ()))
        if not why:
            return msgspec.structs.replace(action, shards=shards)
        whole.append(f"{action.claim} is worked on in one part, not in {shards}: {why}.")
        return action

    return _each(plan, parted), tuple(whole)


def _why_whole(action: ChangeOwnership, modes: tuple[str, ...]) -> str:
    if "ReadWriteMany" not in modes:
        return f"it is {' and '.join(modes)}, not ReadWriteMany" if modes else "its access modes could not be seen"
    if action.placement.node:
        return f"its Job has to run on node {action.placement.node}"
    if not action.placement.python:
        return "the image has no Python, without which the work can't be shared"
    return ""


def _each(plan: Plan, change: Change) -> Plan:
    return msgspec.structs.replace(plan, steps=tuple(_changed(step, change) for step in plan.steps))


def _changed(step: Step, change: Change) -> Step:
    return with_action(step, change(step.action)) if isinstance(step.action, ChangeOwnership) else step
