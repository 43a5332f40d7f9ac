"""Which steps depend on each other. They are taken, skipped and held back together: a server that is stopped and not
started, or a chart that runs as a user to whom the files were not given, is worse than what was there before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from auditor.model.action import HandBackFields, LabelServiceAccount, PatchValues, ScaleWorkload, UpgradeRelease
from auditor.model.finding import Finding, Result
from auditor.model.plan import Held, Plan, Step, step_id
from auditor.model.snapshot import ReleaseRef

Group = tuple[Step, ...]


def groups(steps: Iterable[Step]) -> tuple[Group, ...]:
    """Each step is in one group, in the plan's order. If a release is stopped or goes to another chart, all of its
    steps but labels are one group: stop, owners, values or chart, start. Beside a running server each step is useful
    alone, except that values can't be changed while another manager holds a field that Helm sets."""
    releases: dict[ReleaseRef, list[Step]] = {}
    for step in steps:
        releases.setdefault(step.release, []).append(step)
    found: list[Group] = []
    for members in releases.values():
        together = tuple(step for step in members if not isinstance(step.action, LabelServiceAccount))
        bound = any(isinstance(step.action, ScaleWorkload | UpgradeRelease) for step in together)
        if not bound and any(isinstance(step.action, PatchValues) for step in together):
            together = tuple(step for step in together if isinstance(step.action, HandBackFields | PatchValues))
            bound = len(together) > 1
        found += [(step,) for step in members if not (bound and step in together)]
        found += [together] if bound else []
    return tuple(found)


def with_dependents(steps: Iterable[Step], ids: Iterable[str]) -> tuple[str, ...]:
    """The ids, and those of all steps that depend on them, in the plan's order."""
    wanted = set(ids)
    return tuple(step.id for group in groups(steps) if wanted & {each.id for each in group} for step in group)


def hold(plan: Plan, findings: Iterable[Finding], refused: Mapping[str, str]) -> Plan:
    """The plan without the steps that would be refused and those of their groups; each finding that they were to fix is
    held with the reason. `refused`: step id -> reason."""
    cause = {
        step.id: next(each.id for each in group if each.id in refused)
        for group in groups(plan.steps)
        if any(each.id in refused for each in group)
        for step in group
    }
    rules = {step.id: step.rules for step in plan.steps if step.id in cause}
    held = dict.fromkeys(
        Held(
            release=finding.release,
            rule=finding.rule,
            object=finding.object,
            reason=_reason(ids, cause[ids[0]], refused),
            step=cause[ids[0]],
        )
        for finding in findings
        if finding.result is Result.FAILED
        if (ids := [id_ for id_ in _ids(finding) if finding.rule in rules.get(id_, ())])
    )
    return msgspec.structs.replace(
        plan,
        steps=tuple(step for step in plan.steps if step.id not in cause),
        held=tuple(sorted((*plan.held, *held), key=lambda h: (h.release, h.rule, h.object, h.reason))),
    )


def _ids(finding: Finding) -> tuple[str, ...]:
    return tuple(step_id(action) for action in finding.fix.actions) if finding.fix else ()


def _reason(ids: Iterable[str], cause: str, refused: Mapping[str, str]) -> str:
    start = "Step" if cause in ids else "Its steps depend on"
    return f"{start} {cause}{'' if cause in ids else ', which'} would be refused: {refused[cause]}"
