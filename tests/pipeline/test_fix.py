"""What was done is told whatever becomes of the second scan."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.errors import Interrupted, Unavailable
from auditor.model.outcome import State
from auditor.pipeline import fix
from tests.steps import label, outcome, planned, wanting

BEFORE = wanting(label(), rule="r")
PLAN = planned(BEFORE)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A plan that is carried out at once, by nobody."""
    journal = SimpleNamespace(path=Path("/j.jsonl"))
    monkeypatch.setattr(fix, "tools_of", lambda *_, **__: nullcontext())
    monkeypatch.setattr(fix, "dry_run", lambda *_: {})
    monkeypatch.setattr(fix, "Journal", SimpleNamespace(create=lambda _: journal))
    monkeypatch.setattr(fix, "apply", lambda *_: (outcome(PLAN.steps[0]),))
    monkeypatch.setattr(fix, "sights", lambda *_: None)
    asked = SimpleNamespace(upgrades=SimpleNamespace(catalog=None))
    return SimpleNamespace(
        plan=PLAN, before=SimpleNamespace(findings=(BEFORE,)), connection=None, request=None, asked=asked
    )


def carry_out(prepared: Any, said: list[str]) -> fix.FixResult:
    return fix.carry_out(prepared, charts=(), helm="", progress=None, tell=said.append)  # type: ignore[arg-type]


def test_a_second_scan_that_fails_leaves_the_outcomes_and_proves_nothing(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> None:
        raise Unavailable("No answer.")

    monkeypatch.setattr(fix, "look", look)
    said: list[str] = []
    result = carry_out(prepared, said)
    assert (len(result.outcomes), result.failed, result.verified) == (1, False, False)
    assert [verdict.mended for verdict in result.verdicts] == [False]
    assert said == ["The plan was carried out, and the second scan could not be made: No answer."]


def test_a_second_scan_that_is_stopped_names_the_journal(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fix, "look", look)
    with pytest.raises(Interrupted, match=r"second scan was stopped.*posit-audit undo /j\.jsonl"):
        carry_out(prepared, [])


@pytest.mark.parametrize(
    ("state", "changed"),
    [(State.DONE, True), (State.FAILED, True), (State.REFUSED, False), (State.ALREADY, False), (State.SKIPPED, False)],
)
def test_what_may_be_taken_back_is_what_may_have_changed(state: State, changed: bool) -> None:
    result = fix.FixResult(outcomes=(outcome(PLAN.steps[0], state),), verdicts=(), journal=Path("/j"))
    assert result.changed is changed
