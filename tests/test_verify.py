"""Only a second look that came to an answer counts."""

from __future__ import annotations

import msgspec
import pytest

from auditor.model.finding import Finding, Result
from auditor.model.outcome import State
from auditor.model.snapshot import ReleaseRef
from auditor.verify import verify
from tests.builders import finding, object_ref
from tests.steps import label, outcome, ownership, planned, scale, wanting

BEFORE = wanting(label(), rule="r")
PLAN = planned(BEFORE)
(STEP,) = PLAN.steps


@pytest.mark.parametrize(
    ("after", "mended", "says"),
    [
        ([finding("r", result=Result.PASSED)], True, "no longer"),
        ([finding("r", result=Result.PASSED, object=object_ref("Deployment", "x"))], True, "no longer"),
        ([finding("r", result=Result.FAILED, object=object_ref("ServiceAccount", "other"))], True, "no longer"),
        ([finding("r", result=Result.FAILED)], False, "still finds"),
        ([finding("r", result=Result.UNKNOWN, message="Forbidden.")], False, "could not look: Forbidden."),
        ([finding("r", result=Result.UNKNOWN, object=object_ref("Deployment", "x"))], False, "could not look"),
        ([finding("other")], False, "no answer"),
        ([], False, "no answer"),
    ],
)
def test_the_second_scan_decides(after: list[Finding], mended: bool, says: str) -> None:
    (verdict,) = verify(PLAN, [BEFORE], after, [outcome(STEP)])
    assert verdict.mended is mended
    assert says in verdict.message


def test_another_object_that_is_unknown_does_not_spoil_an_answer_about_this_one() -> None:
    after = [
        finding("r", result=Result.PASSED),
        finding("r", result=Result.UNKNOWN, object=object_ref("Deployment", "x")),
    ]
    assert verify(PLAN, [BEFORE], after, [outcome(STEP)])[0].mended


def test_a_step_that_was_skipped_says_so() -> None:
    (verdict,) = verify(PLAN, [BEFORE], [BEFORE], [outcome(STEP, State.SKIPPED)])
    assert f"Step {STEP.id} was skipped." in verdict.message


@pytest.mark.parametrize("kept", [False, True])
def test_a_finding_that_takes_several_steps_is_counted_once(kept: bool) -> None:
    before = wanting(scale(1, 0), ownership(), scale(0, 1), rule="r")
    plan = planned(before)
    outcomes = [outcome(step) for step in plan.steps]
    (verdict,) = verify(plan, [] if kept else [before], [finding("r", result=Result.PASSED)], outcomes)
    assert verdict.mended
    ids = [step.id for step in plan.steps]
    assert len(ids) == 3
    assert list(verdict.steps) == (ids[1:2] if kept else ids)


def test_one_step_can_mend_findings_of_two_releases() -> None:
    other = wanting(label(), rule="r", release=ReleaseRef("posit", "second"))
    before = [BEFORE, other]
    verdicts = verify(planned(*before), before, [], ())
    assert {v.release for v in verdicts} == {BEFORE.release, other.release}


def test_findings_that_no_step_was_to_mend_get_no_verdict() -> None:
    assert verify(PLAN, [BEFORE, finding("r"), wanting(ownership(), rule="r")], [], ())[1:] == ()


@pytest.mark.parametrize(
    ("after", "mended", "says"),
    [
        ([], False, "Neither scan"),
        ([BEFORE], False, "finds it"),
        ([finding("r", result=Result.UNKNOWN, message="Forbidden.")], False, "could not look: Forbidden."),
        ([finding("r", result=Result.PASSED)], True, "does not find"),
        ([wanting(ownership(), rule="r")], True, "does not find"),
        ([finding("r")], False, "finds it"),
        ([msgspec.structs.replace(wanting(ownership(), rule="r"), object=STEP.object)], False, "finds it"),
    ],
)
def test_a_step_that_the_first_scan_knew_nothing_of_is_not_taken_on_trust(
    after: list[Finding], mended: bool, says: str
) -> None:
    """A kept plan may be applied with -n or --rule that leave out what it is about."""
    (verdict,) = verify(PLAN, [], after, [outcome(STEP)])
    assert verdict.mended is mended
    assert says in verdict.message
