"""A plan is rehearsed whole, applied step by step, journalled, stopped in order, and taken back in reverse."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest

from auditor.apply import run as running
from auditor.apply import undo as undoing
from auditor.apply.actions import PERFORMERS
from auditor.apply.effect import Effect
from auditor.apply.journal import Journal
from auditor.apply.progress import Silent, Tick
from auditor.apply.records import Intent
from auditor.apply.records import Interrupted as InterruptedRecord
from auditor.apply.run import apply, dry_run
from auditor.apply.undo import undo
from auditor.errors import (
    ActionFailed,
    Conflict,
    Forbidden,
    Interrupted,
    NotFound,
    PlanIsStale,
    PlanRefused,
    StepsRefused,
    UnwritableJournal,
)
from auditor.model.action import Action, ChangeOwnership, LabelServiceAccount, PatchValues, ScaleWorkload
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Plan, Step, step_id
from auditor.model.snapshot import ReleaseRef
from tests.steps import label, ownership, patch, planned, scale, wanting

ONE, TWO = ReleaseRef("a", "one"), ReleaseRef("b", "two")
PLAN = planned(
    wanting(label(namespace="a"), release=ONE),
    wanting(ownership(namespace="a"), release=ONE, rule="b"),
    wanting(label(namespace="b"), release=TWO),
)
FIRST, SECOND, THIRD = (step.id for step in PLAN.steps)


def nothing(*_: Any) -> Any:
    return None


@dataclass
class Fake:
    """Does what it is told for one step, and keeps the order of what was asked of it."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    on: dict[tuple[str, str], Callable[[], Any]] = field(default_factory=dict)
    ACCESS: tuple[Any, ...] = ()

    def _do(self, verb: str, action: Action) -> Any:
        key = (verb, step_id(action))
        self.calls.append(key)
        self.actions.append(action)
        return self.on.get(key, nothing)()

    def check(self, action: Action, tools: Any) -> str:
        return self._do("check", action) or ""

    def rehearse(self, action: Action, tools: Any) -> None:
        self._do("rehearse", action)

    def act(self, action: Action, tools: Any, tick: Tick) -> Effect:
        tick({"note": "working"})
        return self._do("act", action) or Effect(State.DONE, "Done.", {"changed": 3})

    def undo(self, action: Action, tools: Any, tick: Tick) -> Effect:
        tick({"note": "taking back"})
        return self._do("undo", action) or Effect(State.DONE, "Taken back.")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    performers = dict.fromkeys((LabelServiceAccount, ChangeOwnership, PatchValues, ScaleWorkload), fake)
    monkeypatch.setattr(running, "PERFORMERS", performers)
    monkeypatch.setattr(undoing, "PERFORMERS", performers)
    return fake


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(PLAN, tmp_path)


TOOLS: Any = SimpleNamespace(server=PLAN.server)


def raising(error: BaseException) -> Callable[[], Any]:
    def throw() -> None:
        raise error

    return throw


@dataclass
class Told(Silent):
    steps: list[str] = field(default_factory=list)
    ticks: list[Mapping[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def step(self, step: Step) -> None:
        self.steps.append(step.id)

    def tick(self, step: Step, counts: Mapping[str, Any]) -> None:
        self.ticks.append(counts)

    def done(self, step: Step, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def test_every_kind_of_action_has_a_performer() -> None:
    assert set(PERFORMERS) == set(get_args(Action))
    for performer in PERFORMERS.values():
        assert performer.ACCESS


def test_a_rehearsal_gives_every_reason_at_once_and_acts_nowhere(fake: Fake) -> None:
    fake.on[("check", FIRST)] = raising(PlanIsStale("It changed.", hint="Plan again."))
    fake.on[("rehearse", THIRD)] = raising(Forbidden("You may not."))
    with pytest.raises(StepsRefused) as refused:
        dry_run(PLAN, TOOLS)
    assert refused.value.steps == (FIRST, THIRD)
    assert f"{FIRST}: It changed. Plan again." in str(refused.value)
    assert f"{THIRD}: You may not." in str(refused.value)
    assert SECOND not in str(refused.value)
    assert {verb for verb, _ in fake.calls} == {"check", "rehearse"}


def test_what_is_already_so_is_not_rehearsed(fake: Fake) -> None:
    fake.on[("check", FIRST)] = lambda: "It is so."
    dry_run(PLAN, TOOLS)
    assert ("rehearse", FIRST) not in fake.calls


def test_a_plan_for_another_cluster_is_refused(fake: Fake, journal: Journal) -> None:
    other: Any = SimpleNamespace(server="https://elsewhere")
    with pytest.raises(PlanRefused, match="made for the API server"):
        dry_run(PLAN, other)
    with pytest.raises(PlanRefused):
        apply(PLAN, other, journal, Silent())
    with pytest.raises(PlanRefused):
        undo(journal, other)
    assert fake.calls == []


def test_steps_are_made_in_order_and_told(fake: Fake, journal: Journal) -> None:
    told = Told()
    outcomes = apply(PLAN, TOOLS, journal, told)
    assert [o.state for o in outcomes] == [State.DONE] * 3
    assert outcomes[0].details == {"changed": 3}
    assert fake.calls == [(verb, step) for step in (FIRST, SECOND, THIRD) for verb in ("check", "act")]
    assert told.steps == [FIRST, SECOND, THIRD]
    assert told.outcomes == list(outcomes)
    assert {"note": "working"} in told.ticks


def test_the_journal_knows_of_a_step_before_it_begins(fake: Fake, journal: Journal) -> None:
    seen: list[int] = []
    fake.on[("act", FIRST)] = lambda: seen.append(len(Journal.open(journal.path).to_undo()))
    apply(PLAN, TOOLS, journal, Silent())
    assert seen == [1]


@pytest.mark.parametrize(
    ("where", "error", "state"),
    [
        ("check", PlanIsStale("x"), State.REFUSED),
        ("check", Forbidden("x"), State.REFUSED),
        ("act", PlanRefused("x"), State.REFUSED),
        ("act", Conflict("x"), State.REFUSED),
        ("act", ActionFailed("x"), State.FAILED),
        ("act", Forbidden("x"), State.FAILED),
    ],
)
def test_a_step_that_does_not_succeed_stops_its_release_and_no_other(
    fake: Fake, journal: Journal, where: str, error: Exception, state: State
) -> None:
    fake.on[(where, FIRST)] = raising(error)
    outcomes = apply(PLAN, TOOLS, journal, Silent())
    assert [o.state for o in outcomes] == [state, State.SKIPPED, State.DONE]
    assert ("check", SECOND) not in fake.calls


def test_what_is_already_so_is_not_done_again(fake: Fake, journal: Journal) -> None:
    fake.on[("check", FIRST)] = lambda: "It is so."
    outcomes = apply(PLAN, TOOLS, journal, Silent())
    assert [o.state for o in outcomes] == [State.ALREADY, State.DONE, State.DONE]
    assert ("act", FIRST) not in fake.calls
    assert FIRST not in [step.id for step in journal.to_undo()]


@pytest.mark.parametrize(
    "how",
    [
        raising(KeyboardInterrupt()),
        lambda: os.kill(os.getpid(), signal.SIGTERM),
        lambda: os.kill(os.getpid(), signal.SIGHUP),
    ],
)
def test_ctrl_c_sigterm_and_a_closed_terminal_stop_in_order(
    fake: Fake, journal: Journal, how: Callable[[], Any]
) -> None:
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in signals]
    fake.on[("act", SECOND)] = how
    with pytest.raises(Interrupted, match=f"Stopped during {SECOND}.*posit-audit undo") as stopped:
        apply(PLAN, TOOLS, journal, Silent())
    assert stopped.value.exit_code == 130
    assert [signal.getsignal(number) for number in signals] == before
    assert isinstance(journal.records[-1], InterruptedRecord)
    assert [step.id for step in Journal.open(journal.path).to_undo()] == [SECOND, FIRST]


def test_under_nohup_a_closed_terminal_stops_nothing(fake: Fake, journal: Journal) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fake.on[("act", SECOND)] = lambda: os.kill(os.getpid(), signal.SIGHUP) or Effect(State.DONE, "Done.")
    try:
        assert [o.state for o in apply(PLAN, TOOLS, journal, Silent())] == [State.DONE] * 3
    finally:
        signal.signal(signal.SIGHUP, before)


def test_undo_goes_backwards_once(fake: Fake, journal: Journal) -> None:
    apply(PLAN, TOOLS, journal, Silent())
    fake.calls.clear()
    assert [o.state for o in undo(Journal.open(journal.path), TOOLS)] == [State.DONE] * 3
    assert fake.calls == [("undo", step) for step in (THIRD, SECOND, FIRST)]
    assert undo(Journal.open(journal.path), TOOLS) == ()


@pytest.mark.parametrize(
    ("error", "state"),
    [(PlanRefused("x"), State.REFUSED), (Conflict("x"), State.REFUSED), (ActionFailed("x"), State.FAILED)],
)
def test_what_can_not_be_taken_back_can_be_tried_again(
    fake: Fake, journal: Journal, error: Exception, state: State
) -> None:
    apply(PLAN, TOOLS, journal, Silent())
    fake.on[("undo", SECOND)] = raising(error)
    assert [o.state for o in undo(journal, TOOLS)] == [State.DONE, state, State.DONE]
    assert [step.id for step in journal.to_undo()] == [SECOND]


@pytest.mark.parametrize("failed", [False, True])
def test_undo_knows_the_digests_that_the_job_told_whether_it_failed_or_not(
    fake: Fake, tmp_path: Path, failed: bool
) -> None:
    details = {"changed": 3, "records": ["a:1:x"]}
    effect = raising(ActionFailed("x", details=details)) if failed else lambda: Effect(State.DONE, "Done.", details)
    plan = planned(wanting(ownership()))
    (own,) = plan.steps
    fake.on[("act", own.id)] = effect
    journal = Journal.create(plan, tmp_path)
    apply(plan, TOOLS, journal, Silent())
    undo(Journal.open(journal.path), TOOLS)
    assert fake.actions[-1] == msgspec.structs.replace(own.action, records=("a:1:x",))


def test_undo_of_a_journal_without_digests_has_none(fake: Fake, tmp_path: Path) -> None:
    plan = planned(wanting(ownership()))
    journal = Journal.create(plan, tmp_path)
    journal.intent(plan.steps[0])
    undo(journal, TOOLS)
    assert fake.actions == [plan.steps[0].action]


def test_an_undo_can_be_interrupted_and_gone_on_with(fake: Fake, journal: Journal) -> None:
    apply(PLAN, TOOLS, journal, Silent())
    fake.on[("undo", SECOND)] = raising(KeyboardInterrupt())
    with pytest.raises(Interrupted, match="Go on with: posit-audit undo"):
        undo(journal, TOOLS)
    assert [step.id for step in journal.to_undo()] == [SECOND, FIRST]


def test_a_plan_without_steps_does_nothing(fake: Fake, tmp_path: Path) -> None:
    empty = Plan(server=PLAN.server, context="c")
    dry_run(empty, TOOLS)
    assert apply(empty, TOOLS, Journal.create(empty, tmp_path), Silent()) == ()


def test_a_server_that_was_stopped_is_started_whatever_failed_between(fake: Fake, tmp_path: Path) -> None:
    whole = wanting(scale(1, 0), ownership(after_stop=True), patch(), scale(0, 1))
    plan = planned(whole)
    _, own, values, start = (step.id for step in plan.steps)
    fake.on["act", own] = raising(ActionFailed("No such luck."))
    outcomes = apply(plan, TOOLS, Journal.create(plan, tmp_path), Silent())
    assert [outcome.state for outcome in outcomes] == [State.DONE, State.FAILED, State.SKIPPED, State.DONE]
    assert ("act", start) in fake.calls
    assert ("act", values) not in fake.calls


BRACKETED = planned(wanting(scale(3, 0), ownership(after_stop=True), patch(), scale(0, 3)))
STOP, GIVE, VALUES, START = (step.id for step in BRACKETED.steps)


def test_a_full_disk_ends_the_run_and_the_interruption(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(BRACKETED, tmp_path)
    writing = journal._add

    def full(record: Any) -> None:
        if isinstance(record, Intent) and record.step.id == VALUES:
            raise UnwritableJournal("The journal can't be written.")
        writing(record)

    monkeypatch.setattr(journal, "_add", full)
    with pytest.raises(UnwritableJournal, match=f"Nothing more was begun after {VALUES}. Done.*posit-audit undo"):
        apply(BRACKETED, TOOLS, journal, Silent())
    assert [call for call in fake.calls if call[0] == "act"] == [("act", STOP), ("act", GIVE), ("act", START)]

    fake.on["act", START] = raising(ActionFailed("No node has room."))
    with pytest.raises(UnwritableJournal, match=r"Deployment posit/rstudio-pm is stopped: No node has room\."):
        apply(BRACKETED, TOOLS, journal, Silent())


@pytest.mark.parametrize(("during", "words"), [(1, "is stopped"), (0, "may be stopped"), (3, "")])
def test_who_stops_it_is_told_of_a_server_that_stands_still(
    fake: Fake, tmp_path: Path, during: int, words: str
) -> None:
    fake.on["act", BRACKETED.steps[during].id] = raising(KeyboardInterrupt())
    with pytest.raises(Interrupted) as stopped:
        apply(BRACKETED, TOOLS, Journal.create(BRACKETED, tmp_path), Silent())
    assert ("rstudio-pm " in stopped.value.message) is bool(words)
    assert words in stopped.value.message


@pytest.mark.parametrize("error", [PlanRefused("Somebody upgraded it since."), ActionFailed("Helm failed.")])
def test_files_are_not_given_back_below_a_chart_that_stays(fake: Fake, tmp_path: Path, error: Exception) -> None:
    journal = Journal.create(BRACKETED, tmp_path)
    apply(BRACKETED, TOOLS, journal, Silent())
    fake.calls.clear()
    fake.on["undo", VALUES] = raising(error)
    states = [outcome.state for outcome in undo(journal, TOOLS)]
    assert states[2:] == [State.SKIPPED, State.DONE]
    assert [call for call in fake.calls if call[0] in ("undo", "act")] == [
        ("undo", START),
        ("undo", VALUES),
        ("undo", STOP),
    ]
    # Once the chart can be taken back, the server is stopped for the rest as it was the first time.
    del fake.on["undo", VALUES]
    assert [outcome.step for outcome in undo(journal, TOOLS)] == [START, VALUES, GIVE, STOP]
    assert journal.to_undo() == ()


@pytest.mark.parametrize("with_stop", [True, False])
def test_a_server_that_a_rollback_started_is_stopped_before_owners_are_given_back(
    fake: Fake, tmp_path: Path, with_stop: bool
) -> None:
    journal = Journal.create(BRACKETED, tmp_path)
    apply(msgspec.structs.replace(BRACKETED, steps=BRACKETED.steps[not with_stop :]), TOOLS, journal, Silent())
    fake.calls.clear()
    fake.actions.clear()
    undo(journal, TOOLS)
    stop = fake.calls.index(("act", STOP))
    assert fake.calls[stop - 1 : stop + 2] == [("undo", VALUES), ("act", STOP), ("undo", GIVE)]
    assert fake.actions[stop] == scale(3, 0)
    fake.on["act", STOP] = raising(NotFound("It is gone."))
    journal.intent(BRACKETED.steps[1])
    assert State.DONE in [outcome.state for outcome in undo(journal, TOOLS)]


def test_what_went_on_from_a_run_that_was_cut_off_is_taken_back_with_it(fake: Fake, tmp_path: Path) -> None:
    first, second = (Journal.create(BRACKETED, tmp_path / name) for name in ("1", "2"))
    fake.on["act", GIVE] = raising(KeyboardInterrupt())
    with pytest.raises(Interrupted):
        apply(BRACKETED, TOOLS, first, Silent())
    fake.on["act", GIVE] = lambda: Effect(State.DONE, "Done.", {"records": ["a:1:x"]})
    apply(msgspec.structs.replace(BRACKETED, steps=BRACKETED.steps[1:]), TOOLS, second, Silent())
    assert second.went_on_from(first)
    fake.calls.clear()
    outcomes = undo(second, TOOLS, earlier=(first,))
    assert [outcome.step for outcome in outcomes] == [START, VALUES, GIVE, STOP]
    assert first.to_undo() == second.to_undo() == ()
    assert msgspec.structs.replace(BRACKETED.steps[1].action, records=("a:1:x",)) in fake.actions
