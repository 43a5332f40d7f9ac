"""In how many parts the Jobs of a plan work."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from auditor.model.action import ChangeOwnership
from auditor.model.plan import Plan, Step
from auditor.model.seen import Unseen
from auditor.model.snapshot import Snapshot
from auditor.planning.plan import with_action

Change = Callable[[ChangeOwnership], ChangeOwnership]


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
    if action.placement.posix:
        return "the image has no Python, without which the work can't be shared"
    return ""


def _each(plan: Plan, change: Change) -> Plan:
    return msgspec.structs.replace(plan, steps=tuple(_changed(step, change) for step in plan.steps))


def _changed(step: Step, change: Change) -> Step:
    return with_action(step, change(step.action)) if isinstance(step.action, ChangeOwnership) else step
