"""An upgrade that would conflict with other field managers: who hands back is a step before it, and what Helm is to
overrule is part of the upgrade itself. What neither settles is held (holding.py)."""

from __future__ import annotations

from itertools import groupby

import msgspec

from auditor.model.action import HandBackFields, PatchValues, UpgradeRelease
from auditor.model.held import HeldField
from auditor.model.plan import Plan, Step
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseRef, Snapshot
from auditor.names.fields import masked
from auditor.planning.plan import step_of, with_action
from auditor.questions.holders import Holder, holder_of


def with_hand_backs(plan: Plan, snapshot: Snapshot) -> Plan:
    """Whichever rule asked for the upgrade."""
    held = {
        release.ref: release.held_fields
        for release in snapshot.releases
        if release.held_fields and not isinstance(release.held_fields, Unseen)
    }
    steps: list[Step] = []
    planned = {step.id for step in plan.steps}
    for release, group in groupby(plan.steps, key=lambda step: step.release):
        own = list(group)
        upgrades = [step for step in own if isinstance(step.action, PatchValues | UpgradeRelease)]
        if upgrades and release in held:
            more = [step for step in _hand_backs(release, held[release], upgrades[0]) if step.id not in planned]
            own = [*more, *(_settled(step, held[release]) for step in own)]
        steps += own
    return msgspec.structs.replace(plan, steps=tuple(steps))


def _hand_backs(release: ReleaseRef, held: tuple[HeldField, ...], upgrade: Step) -> list[Step]:
    by_hand = sorted((one for one in held if holder_of(one) is Holder.HAND), key=lambda one: (one.object, one.path))
    return [
        step_of(
            HandBackFields(object=object_, uid=fields[0].uid, fields=tuple(map(masked, fields))), release, upgrade.rules
        )
        for object_, group in groupby(by_hand, key=lambda one: one.object)
        if (fields := tuple(group))
    ]


def _settled(step: Step, held: tuple[HeldField, ...]) -> Step:
    if not isinstance(step.action, PatchValues | UpgradeRelease):
        return step
    action = msgspec.structs.replace(
        step.action,
        handed_back=tuple(masked(one) for one in held if holder_of(one) is Holder.HAND),
        overruled=tuple(masked(one) for one in held if holder_of(one) is Holder.UNKNOWN),
    )
    return with_action(step, action)
