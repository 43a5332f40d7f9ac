"""What --only and --skip take of a plan.

A finding is taken whole or left out whole, as everywhere. It is named by its rule, its release, or any step that would
fix it. A plan that was kept has no findings any more: there a step is named by itself, its rules and its release.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from shlex import quote

import msgspec

from auditor.errors import PositAuditError
from auditor.model.action import HandBackFields
from auditor.model.finding import Finding, Result
from auditor.model.plan import LeftOut, Plan, Step, step_id
from auditor.model.snapshot import Snapshot
from auditor.planning.groups import groups
from auditor.planning.handing_back import with_hand_backs
from auditor.planning.plan import plan


class UnknownName(PositAuditError):
    """--only or --skip names what is no step, rule or release here."""


class SplitGroup(PositAuditError):
    """--only or --skip would take some of the steps that depend on each other, and not all."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Step ids, rules and releases. Without `only` everything is taken but `skip`."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.skip)

    def takes(self, names: Collection[str]) -> bool:
        return (not self.only or any(name in names for name in self.only)) and not any(
            name in names for name in self.skip
        )


def chosen(
    snapshot: Snapshot,
    findings: Iterable[Finding],
    choice: Choice,
    *,
    unsafe: bool = False,
    helm_major: int | None = None,
    rules: Collection[str] = (),
) -> Plan:
    """A plan of what was chosen. `rules`: every rule that there is, whether it found something or not. Raises
    UnknownName and SplitGroup."""

    def planned(of: Iterable[Finding]) -> Plan:
        return with_hand_backs(plan(snapshot, of, unsafe=unsafe, helm_major=helm_major), snapshot)

    failed = tuple(finding for finding in findings if finding.result is Result.FAILED)
    whole = planned(failed)
    if not choice:
        return whole
    _known(choice, whole.steps, rules, {str(release.ref) for release in snapshot.releases})
    names = {id(finding): _names(finding, whole.steps) for finding in failed}
    taken = planned(f for f in failed if choice.takes(names[id(f)]))
    _together(whole.steps, taken.steps)
    by_id = {step.id: step for step in whole.steps}
    left = (f for f in failed if not choice.takes(names[id(f)]) and _is_planned(f, by_id))
    return msgspec.structs.replace(
        taken,
        left_out=_sorted(
            LeftOut(release=f.release, rule=f.rule, object=f.object, steps=tuple(dict.fromkeys(_ids(f)))) for f in left
        ),
    )


def narrowed(kept: Plan, choice: Choice, *, rules: Collection[str] = ()) -> Plan:
    """What was chosen of a plan that was kept, each step as it is. Raises UnknownName and SplitGroup."""
    if not choice:
        return kept
    _known(choice, kept.steps, rules, ())
    taken = tuple(step for step in kept.steps if choice.takes({step.id, str(step.release), *step.rules}))
    _together(kept.steps, taken)
    left = (
        LeftOut(release=step.release, rule=rule, object=step.object, steps=(step.id,))
        for step in kept.steps
        if step not in taken
        for rule in step.rules
    )
    return msgspec.structs.replace(kept, steps=taken, left_out=_sorted((*kept.left_out, *left)))


def _sorted(left: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    return tuple(sorted(dict.fromkeys(left), key=lambda each: (each.release, each.rule, each.object, each.steps)))


def _ids(finding: Finding) -> tuple[str, ...]:
    return tuple(step_id(action) for action in finding.fix.actions) if finding.fix else ()


def _names(finding: Finding, steps: Iterable[Step]) -> set[str]:
    """With the hand-backs, which planning adds to an upgrade, and which no finding need ask for."""
    added = (
        step.id
        for step in steps
        if isinstance(step.action, HandBackFields) and step.release == finding.release and finding.rule in step.rules
    )
    return {finding.rule, str(finding.release), *_ids(finding), *added}


def _is_planned(finding: Finding, steps: dict[str, Step]) -> bool:
    ids = _ids(finding)
    return bool(ids) and all(id_ in steps and finding.rule in steps[id_].rules for id_ in ids)


def _known(choice: Choice, steps: Collection[Step], rules: Collection[str], releases: Collection[str]) -> None:
    ids = [step.id for step in steps]
    found = sorted({*releases, *(str(step.release) for step in steps)})
    of_steps = sorted({rule for step in steps for rule in step.rules})
    unknown = [name for name in (*choice.only, *choice.skip) if name not in {*ids, *found, *of_steps, *rules}]
    if unknown:
        listed = (("steps", ids), ("rules with a step", of_steps), ("releases", found))
        raise UnknownName(
            f"There is no step, rule or release {', '.join(map(repr, unknown))} to take or skip. There are "
            + "; ".join(f"{kind}: {', '.join(names) or 'none'}" for kind, names in listed)
            + "."
        )


def _together(whole: Collection[Step], taken: Collection[Step]) -> None:
    """A helm-upgrade step that only patches values is another one than the upgrade that it would be part of."""
    kinds = {(step.id, type(step.action)) for step in taken}
    for group in groups(whole):
        within = [step.id for step in group if (step.id, type(step.action)) in kinds]
        without = [step.id for step in group if step.id not in within]
        if within and without:
            raise SplitGroup(
                f"The steps {', '.join(step.id for step in group)} of release {group[0].release} depend on each other"
                f" and are taken or skipped together, and {', '.join(without)} would be left out alone.",
                hint=f"Take them with --only {group[0].release}, or leave them all out: "
                + " ".join(f"--skip {quote(step.id)}" for step in group),
            )
