"""From findings to a Plan.

Each failed finding's fix is taken whole or held whole: half a fix may be worse than none. Fixes that ask for the same
change become one step; fixes that contradict each other don't, and the later one is held.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from auditor.model.action import (
    Action,
    ChangeOwnership,
    HandBackFields,
    LabelServiceAccount,
    PatchValues,
    ScaleWorkload,
    UpgradeRelease,
)
from auditor.model.finding import Finding, Fix, Result
from auditor.model.plan import Held, Plan, Step, step_id
from auditor.model.snapshot import ReleaseRef, Snapshot
from auditor.planning.holding import reason_to_hold
from auditor.planning.merging import Contradiction, merge
from auditor.planning.wording import diff, interrupts, object_of, title, undo
from auditor.printable import printable


@dataclass
class _Draft:
    """A step in the making; `rules` are those whose findings it mends."""

    release: ReleaseRef
    action: Action
    rules: set[str]


def plan(
    snapshot: Snapshot, findings: Iterable[Finding], *, unsafe: bool = False, helm_major: int | None = None
) -> Plan:
    """The same findings give the same plan, in whatever order they come. Unsafe fixes only where `unsafe`.
    `helm_major`: of the Helm at hand, if there is one."""
    drafts: dict[str, _Draft] = {}
    held: list[Held] = []
    failed = sorted((f for f in findings if f.result is Result.FAILED), key=_worst_first)
    told = {(finding.release, finding.rule) for finding in failed}
    for finding in failed:
        if finding.fix and (finding.release, finding.fix.follows) in told:
            continue
        reason = _not_to_do(finding.fix, snapshot, unsafe, helm_major) or _take(finding, drafts)
        if reason:
            held.append(Held(release=finding.release, rule=finding.rule, object=finding.object, reason=reason))
    return Plan(
        server=snapshot.server,
        context=snapshot.context,
        steps=tuple(
            step_of(_vouched(draft.action, unsafe), draft.release, tuple(sorted(draft.rules)))
            for _, draft in sorted(drafts.items(), key=_order)
        ),
        held=tuple(sorted(held, key=lambda h: (h.release, h.rule, h.object, h.reason))),
    )


def _vouched(action: Action, unsafe: bool) -> Action:
    """What no request has to prove, since a person says so."""
    return msgspec.structs.replace(action, vouched=unsafe) if isinstance(action, LabelServiceAccount) else action


def _worst_first(finding: Finding) -> tuple[object, ...]:
    return (finding.release, -finding.severity.rank, finding.rule, finding.object, finding.message)


def _order(item: tuple[str, _Draft]) -> tuple[object, ...]:
    """Release by release. Labels and fields first: they interrupt nothing. Ownership before values and chart: a `helm
    upgrade` may restart the server, and it must come back to a volume that it can use. Between stop and start lies what
    a running server would spoil."""
    id_, draft = item
    match draft.action:
        case LabelServiceAccount() | HandBackFields():
            turn = 0
        case ScaleWorkload(replicas=replicas):
            turn = 4 if replicas else 1
        case ChangeOwnership():
            turn = 2
        case PatchValues() | UpgradeRelease():
            turn = 3
    return (draft.release, turn, id_)


def _not_to_do(fix: Fix | None, snapshot: Snapshot, unsafe: bool, helm_major: int | None) -> str:
    """Why this fix is not planned, or ""."""
    if fix is None:
        return "There is no fix that could be made from here."
    if not fix.actions:
        return fix.summary
    if not fix.safe and not unsafe:
        return f"The fix is not safe to make unasked; --unsafe plans it. {fix.summary}"
    reasons = (reason_to_hold(action, snapshot, unsafe=unsafe, helm_major=helm_major) for action in fix.actions)
    return next(filter(None, reasons), "")


def _take(finding: Finding, drafts: dict[str, _Draft]) -> str:
    """Adds all actions of the finding's fix to the drafts, or none and says why."""
    merged: dict[str, _Draft] = {}
    for action in finding.fix.actions if finding.fix else ():
        id_ = step_id(action)
        draft = merged.get(id_) or drafts.get(id_) or _Draft(_release_of(action, finding), action, set())
        try:
            action_ = merge(draft.action, action)
        except Contradiction as contradiction:
            others = ", ".join(sorted(draft.rules - {finding.rule})) or finding.rule
            return f"It contradicts what {others} needs: {contradiction}."
        merged[id_] = _Draft(draft.release, action_, draft.rules | {finding.rule})
    drafts.update(merged)
    return ""


def _release_of(action: Action, finding: Finding) -> ReleaseRef:
    if isinstance(action, PatchValues | UpgradeRelease):
        return ReleaseRef(action.namespace, action.release)
    return finding.release


def step_of(action: Action, release: ReleaseRef, rules: tuple[str, ...] = ()) -> Step:
    """An action in words."""
    return Step(
        id=step_id(action),
        release=release,
        rules=rules,
        object=object_of(action),
        action=action,
        title=printable(title(action)),
        diff=tuple(map(printable, diff(action))),
        interrupts=interrupts(action),
        undo=undo(action),
    )


def with_action(step: Step, action: Action) -> Step:
    """The same step, done in another way."""
    return step_of(action, step.release, step.rules)
