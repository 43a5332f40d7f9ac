"""What a second scan says about what the plan was to mend. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.model.finding import Finding, Result
from auditor.model.outcome import Outcome, State, Verdict
from auditor.model.plan import Plan, Step, step_id


def verify(
    plan: Plan, before: Iterable[Finding], after: Iterable[Finding], outcomes: Iterable[Outcome]
) -> tuple[Verdict, ...]:
    """One verdict for each step and each failed finding that it was to mend, in the plan's order.

    Only a second look that came to an answer counts: what could not be looked at again is not mended."""
    failed = [finding for finding in before if finding.result is Result.FAILED]
    looked = tuple(after)
    states = {outcome.step: outcome for outcome in outcomes}
    return tuple(
        _verdict(step, finding, looked, states.get(step.id))
        for step in plan.steps
        for finding in failed
        if _mends(step, finding)
    )


def _mends(step: Step, finding: Finding) -> bool:
    """A step may mend findings of several releases: two Connects may share a content account."""
    return (
        finding.rule in step.rules
        and finding.fix is not None
        and any(step_id(action) == step.id for action in finding.fix.actions)
    )


def _verdict(step: Step, finding: Finding, after: tuple[Finding, ...], outcome: Outcome | None) -> Verdict:
    mended, message = _second_look(finding, after)
    if not mended and outcome is not None and outcome.state not in (State.DONE, State.ALREADY):
        message = f"{message} The step was {outcome.state}."
    return Verdict(
        step=step.id,
        rule=finding.rule,
        release=finding.release,
        object=finding.object,
        mended=mended,
        message=message,
    )


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
