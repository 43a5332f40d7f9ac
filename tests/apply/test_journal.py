"""What is in the journal survives crashes, and tells undo what there is to take back."""

from __future__ import annotations

import builtins
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.apply.journal import Journal, journals_folder
from auditor.apply.past_runs import gone_on_from, newest
from auditor.apply.records import Intent
from auditor.errors import PlanRefused, PositAuditError, UnreadableFile, UnwritableJournal
from auditor.model.outcome import State
from auditor.model.plan import Step
from tests import without_posix
from tests.steps import label, outcome, ownership, patch, planned, scale, step, wanting

PLAN = planned(wanting(label()), wanting(ownership(), rule="b"), wanting(patch(), rule="c"))
LABEL, OWN, VALUES = PLAN.steps


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(PLAN, tmp_path)


def test_it_is_private_and_lies_where_state_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    journal = Journal.create(PLAN)
    assert journal.path.parent == tmp_path / "posit-audit" / "journals" == journals_folder()
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert newest(PLAN.server).path == journal.path


def test_without_a_state_home_it_lies_below_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert journals_folder() == Path("/home/somebody/.local/state/posit-audit/journals")


def test_what_was_written_is_read_back(journal: Journal) -> None:
    journal.intent(LABEL)
    journal.outcome(outcome(LABEL))
    journal.interrupted(OWN)
    again = Journal.open(journal.path)
    assert again.records == journal.records
    assert again.header.server == PLAN.server
    second = again.records[1]
    assert isinstance(second, Intent)
    assert second.step == LABEL


def test_the_newest_journal_is_that_of_the_last_run_that_changed_something(tmp_path: Path) -> None:
    older, newer, idle = (made(tmp_path, f"2026112{day}T000000Z-000000.jsonl") for day in (1, 2, 3))
    for journal in (older, newer):
        journal.intent(LABEL)
        journal.outcome(outcome(LABEL))
    idle.outcome(outcome(LABEL, State.ALREADY))
    assert newest(PLAN.server, tmp_path).path == newer.path
    # An undo that is run again does not go on to the run before.
    newer.undone(outcome(LABEL))
    assert newest(PLAN.server, tmp_path).path == newer.path


def test_where_no_run_changed_anything_it_is_the_last_one(tmp_path: Path) -> None:
    *_, last = (made(tmp_path, f"2026112{day}T000000Z-000000.jsonl") for day in (1, 2))
    assert newest(PLAN.server, tmp_path).path == last.path
    with pytest.raises(UnreadableFile, match="nothing was applied"):
        newest(PLAN.server, tmp_path / "empty")


def test_a_file_in_which_nothing_was_begun_hides_no_other(tmp_path: Path) -> None:
    journal = made(tmp_path, "20261121T000000Z-000000.jsonl")
    journal.intent(LABEL)
    (tmp_path / "20261120T000000Z-000000.jsonl").write_text("of an old version\n")
    (tmp_path / "20261122T000000Z-000000.jsonl").touch()
    (tmp_path / "20261123T000000Z-000000.jsonl").write_text('{"record": "hea')
    assert newest(PLAN.server, tmp_path).path == journal.path


def test_the_newest_is_that_of_the_cluster_that_is_asked_about(tmp_path: Path) -> None:
    here = made(tmp_path, "20261121T000000Z-000000.jsonl")
    elsewhere = Journal.create(msgspec.structs.replace(PLAN, server="https://elsewhere"), tmp_path)
    assert newest(PLAN.server, tmp_path).path == here.path
    assert newest("https://elsewhere", tmp_path).path == elsewhere.path
    with pytest.raises(UnreadableFile, match=r"no journal of a run against https://third .*--context"):
        newest("https://third", tmp_path)


STOP, GIVE, START = planned(wanting(scale(1, 0), ownership(after_stop=True), scale(0, 1))).steps


@pytest.mark.parametrize(
    ("first", "second", "goes_on"),
    [
        ([(STOP, State.DONE), (GIVE, None)], [(GIVE, State.DONE), (START, State.DONE)], True),
        ([(STOP, None)], [(START, State.DONE)], True),
        ([(GIVE, State.FAILED)], [(GIVE, State.DONE)], True),
        ([(STOP, State.DONE), (GIVE, State.DONE), (START, State.DONE)], [(GIVE, State.DONE)], False),
        ([(STOP, State.DONE), (GIVE, State.DONE), (START, State.DONE)], [(START, State.DONE)], False),
        ([(LABEL, State.DONE)], [(START, State.DONE)], False),
        ([(LABEL, None)], [(GIVE, State.DONE)], False),
    ],
)
def test_a_run_that_takes_up_what_another_left_goes_on_from_it(
    tmp_path: Path, first: list[tuple[Step, State | None]], second: list[tuple[Step, State | None]], goes_on: bool
) -> None:
    earlier, later = (made(tmp_path, f"2026112{day}T000000Z-000000.jsonl") for day in (1, 3))
    for journal, steps in ((earlier, first), (later, second)):
        for began, state in steps:
            journal.intent(began)
            if state:
                journal.outcome(outcome(began, state))
    made(tmp_path, "20261122T000000Z-000000.jsonl")
    (tmp_path / "20261122T100000Z-000000.jsonl").write_text("no journal\n")
    assert [journal.path for journal in gone_on_from(later)] == [earlier.path] * goes_on


def test_stop_and_start_are_left_while_owners_are(journal: Journal) -> None:
    for began in (LABEL, STOP, GIVE, START):
        journal.intent(began)
        journal.outcome(outcome(began))
    for back, state in ((START, State.DONE), (GIVE, State.REFUSED), (STOP, State.DONE), (LABEL, State.DONE)):
        journal.undone(outcome(back, state))
    assert journal.to_undo() == (START, GIVE, STOP)
    journal.undone(outcome(GIVE))
    assert journal.to_undo() == ()


def test_half_a_line_on_a_full_disk_is_taken_away_again(journal: Journal) -> None:
    journal.intent(LABEL)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(UnwritableJournal, match="Make room for it"):
            journal.outcome(outcome(LABEL))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.intent(OWN)
    assert Journal.open(journal.path).to_undo() == (OWN, LABEL)


def test_where_not_even_its_head_can_be_written_no_journal_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UnwritableJournal("No room.")

    monkeypatch.setattr(Journal, "_add", full)
    with pytest.raises(UnwritableJournal):
        Journal.create(PLAN, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("importing", [builtins.__import__, without_posix.importing], ids=["posix", "windows"])
def test_two_runs_never_work_by_one_journal(
    journal: Journal, importing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "__import__", importing)
    with (
        journal.held(),
        pytest.raises(PlanRefused, match="Another posit-audit is at work"),
        Journal.open(journal.path).held(),
    ):
        pass
    with Journal.open(journal.path).held():
        pass


def test_the_records_that_an_undo_told_are_kept_too(journal: Journal) -> None:
    journal.outcome(msgspec.structs.replace(outcome(OWN), details={"records": ["a:1:x"], "changed": 3}))
    journal.undone(msgspec.structs.replace(outcome(OWN, State.FAILED), details={"records": ["a:1:x", "b:1:y"]}))
    assert journal.details(OWN.id) == {"changed": 3, "records": ["a:1:x", "b:1:y"]}


def made(folder: Path, name: str) -> Journal:
    journal = Journal.create(PLAN, folder)
    return Journal.open(journal.path.rename(folder / name))


def test_what_may_have_changed_something_is_taken_back_in_reverse(journal: Journal) -> None:
    journal.intent(LABEL)
    journal.outcome(outcome(LABEL))
    journal.intent(OWN)
    journal.outcome(outcome(OWN, State.FAILED))
    journal.intent(VALUES)  # a crash: no outcome
    assert journal.to_undo() == (VALUES, OWN, LABEL)


@pytest.mark.parametrize("state", [State.ALREADY, State.REFUSED])
def test_what_changed_nothing_is_not_taken_back(journal: Journal, state: State) -> None:
    journal.intent(LABEL)
    journal.outcome(outcome(LABEL, state))
    assert journal.to_undo() == ()


@pytest.mark.parametrize(
    ("state", "left"), [(State.DONE, 0), (State.ALREADY, 0), (State.REFUSED, 1), (State.FAILED, 1)]
)
def test_what_was_taken_back_is_not_taken_back_twice(journal: Journal, state: State, left: int) -> None:
    journal.intent(LABEL)
    journal.outcome(outcome(LABEL))
    journal.undone(outcome(LABEL, state))
    assert len(Journal.open(journal.path).to_undo()) == left


def test_a_line_that_a_crash_cut_off_is_left_out_and_the_next_one_is_whole(journal: Journal) -> None:
    journal.intent(LABEL)
    with journal.path.open("ab") as file:
        file.write(b'{"record": "outco')
    again = Journal.open(journal.path)
    assert again.to_undo() == (LABEL,)
    again.undone(outcome(LABEL))
    assert Journal.open(journal.path).to_undo() == ()


@pytest.mark.parametrize("content", ["", "nonsense\n", "[]\n", '{"record": "interrupted", "time": "", "step": ""}\n'])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(content)
    with pytest.raises(UnreadableFile):
        Journal.open(file)


def test_a_journal_of_another_version_is_refused(journal: Journal) -> None:
    journal.path.write_text(journal.path.read_text().replace("journal/v1", "journal/v2"))
    with pytest.raises(UnreadableFile, match="not a journal of this version"):
        Journal.open(journal.path)


def test_a_journal_that_cannot_be_written_is_said_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PositAuditError, match="Nothing was changed"):
        Journal.create(PLAN, tmp_path / "file" / "journals")
    journal = Journal.create(PLAN, tmp_path)
    journal.path.unlink()
    journal.path.mkdir()
    with pytest.raises(PositAuditError, match="can't be written"):
        journal.intent(step(label()))
    with pytest.raises(UnreadableFile, match="can't be read"):
        Journal.open(tmp_path / "none")
