"""What is in the journal survives crashes, and tells undo what there is to take back."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.apply.journal import Intent, Journal, journals_folder, newest_journal
from auditor.errors import PositAuditError, UnreadableFile
from auditor.model.outcome import State
from tests.steps import label, outcome, ownership, patch, planned, step, wanting

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
    assert newest_journal().path == journal.path


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
    assert newest_journal(tmp_path).path == newer.path
    # An undo that is run again does not go on to the run before.
    newer.undone(outcome(LABEL))
    assert newest_journal(tmp_path).path == newer.path


def test_where_no_run_changed_anything_it_is_the_last_one(tmp_path: Path) -> None:
    *_, last = (made(tmp_path, f"2026112{day}T000000Z-000000.jsonl") for day in (1, 2))
    assert newest_journal(tmp_path).path == last.path
    with pytest.raises(UnreadableFile, match="nothing was applied"):
        newest_journal(tmp_path / "empty")


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
