"""What a second scan says about what the plan was to mend. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.model.action import HandBackFields, ScaleWorkload
from auditor.model.finding import Finding, Result
from auditor.model.kubernetes import ObjectRef
from auditor.model.outcome import Outcome, State, Verdict
from auditor.model.plan import Plan, Step, step_id
from auditor.model.snapshot import ReleaseRef


def verify(
    plan: Plan, before: Iterable[Finding], after: Iterable[Finding], outcomes: Iterable[Outcome]
) -> tuple[Verdict, ...]:
    """One verdict for each failed finding that the plan was to mend, however many steps it took (stop, own, start), in
    the order of the first of them. Where the first scan had no such finding, as with a kept plan and a narrower look,
    the step's rule is asked for all the same.

    Only a second look that came to an answer counts: what could not be looked at again is not mended."""
    failed = [finding for finding in before if finding.result is Result.FAILED]
    looked = tuple(after)
    states = {outcome.step: outcome.state for outcome in outcomes}
    verdicts: list[Verdict] = []
    judged: set[int] = set()
    for step in plan.steps:
        of_step = {number: finding for number, finding in enumerate(failed) if _mends(step, finding)}
        for number, f in of_step.items():
            if number not in judged:
                steps = tuple(each.id for each in plan.steps if _mends(each, f))
                verdicts.append(_verdict(steps, f.rule, f.release, f.object, _second_look(f, looked), states))
        judged.update(of_step)
        found = {finding.rule for finding in of_step.values()}
        verdicts += [
            _verdict((step.id,), rule, step.release, step.object, _only_look(step, rule, looked), states)
            for rule in step.rules
            if rule not in found and not _on_the_way(step, rule, plan)
        ]
    return tuple(verdicts)


def _on_the_way(step: Step, rule: str, plan: Plan) -> bool:
    """A stop, a start or a hand-back fixes nothing itself if the same rule asked for what lies between or follows."""
    if not isinstance(step.action, ScaleWorkload | HandBackFields):
        return False
    others = (other for other in plan.steps if not isinstance(other.action, ScaleWorkload | HandBackFields))
    return any(other.release == step.release and rule in other.rules for other in others)


def _mends(step: Step, finding: Finding) -> bool:
    """A step may mend findings of several releases: two Connects may share a content account."""
    return (
        finding.rule in step.rules
        and finding.fix is not None
        and any(step_id(action) == step.id for action in finding.fix.actions)
    )


def _about(step: Step, finding: Finding) -> bool:
    """Whether it speaks of what the step changes, though no step would mend it any more."""
    return finding.object == step.object or not (finding.fix and finding.fix.actions)


def _verdict(
    steps: tuple[str, ...],
    rule: str,
    release: ReleaseRef,
    about: ObjectRef,
    look: tuple[bool, str],
    states: Mapping[str, State],
) -> Verdict:
    mended, message = look
    if not mended:
        not_done = [id_ for id_ in steps if states.get(id_, State.DONE) not in (State.DONE, State.ALREADY)]
        message = " ".join([message, *(f"Step {id_} was {states[id_]}." for id_ in not_done)])
    return Verdict(steps=steps, rule=rule, release=release, object=about, mended=mended, message=message)


def _second_look(finding: Finding, after: tuple[Finding, ...]) -> tuple[bool, str]:
    of_rule = [f for f in after if (f.rule, f.release) == (finding.rule, finding.release)]
    of_object = [f for f in of_rule if f.object == finding.object]
    if not of_rule:
        return False, "The second scan has no answer from this rule for this release."
    if any(f.result is Result.FAILED for f in of_object):
        return False, "The second scan still finds it."
    blind = next((f for f in of_object or of_rule if f.result is Result.UNKNOWN), None)
    if blind is not None:
        return False, f"The second scan could not look: {blind.message}"
    return True, "The second scan no longer finds it."


def _only_look(step: Step, rule: str, after: tuple[Finding, ...]) -> tuple[bool, str]:
    of_rule = [f for f in after if (f.rule, f.release) == (rule, step.release)]
    if not of_rule:
        return False, "Neither scan has an answer from this rule for this release."
    if any(f.result is Result.FAILED and (_mends(step, f) or _about(step, f)) for f in of_rule):
        return False, "The second scan finds it."
    blind = next((f for f in of_rule if f.result is Result.UNKNOWN), None)
    if blind is not None:
        return False, f"The second scan could not look: {blind.message}"
    return True, "The second scan does not find it."
