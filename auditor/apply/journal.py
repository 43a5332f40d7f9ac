"""What was begun and what became of it, on disk before it happens: JSON lines, one fsync each. No value of a Secret, a
release or a configuration is ever in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from auditor import __version__
from auditor.errors import PositAuditError, UnreadableFile
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Plan, Step

SCHEMA = "posit-audit.journal/v1"


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="header"):
    schema: str = SCHEMA
    version: str
    server: str
    context: str
    time: str


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="intent"):
    """Written before the step touches anything."""

    time: str
    step: Step


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="outcome"):
    time: str
    outcome: Outcome


class Interrupted(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="interrupted"):
    time: str
    step: str


class Undone(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="undone"):
    time: str
    outcome: Outcome


Record = Header | Intent | Ended | Interrupted | Undone


def journals_folder() -> Path:
    """`$XDG_STATE_HOME/posit-audit/journals`, by default below ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "posit-audit" / "journals"


class Journal:
    """One run's record; it can be opened again, and an undo is added to it."""

    def __init__(self, path: Path, records: Iterable[Record]) -> None:
        self.path = path
        self.records = list(records)

    @classmethod
    def create(cls, plan: Plan, folder: Path | None = None) -> Journal:
        where = folder or journals_folder()
        now = datetime.now(UTC)
        path = where / f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}.jsonl"
        try:
            where.mkdir(parents=True, exist_ok=True)
            where.chmod(0o700)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _sync_folder(where)
        except OSError as error:
            raise PositAuditError(
                f"The journal {path} can't be made: {error.strerror}. Nothing was changed.",
                hint="Set XDG_STATE_HOME to a folder that can be written.",
            ) from error
        journal = cls(path, ())
        journal._add(Header(version=__version__, server=plan.server, context=plan.context, time=_now()))
        return journal

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Raises UnreadableFile. A last line that a crash cut off is left out: its step did not begin."""
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise UnreadableFile(f"The journal {path} can't be read: {error.strerror}.") from error
        records: list[Record] = []
        for number, line in enumerate(lines[:-1], start=1):
            try:
                records.append(msgspec.json.decode(line, type=Record))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UnreadableFile(f"{path}, line {number}, is not a record of a journal: {error}.") from error
        if not records or not isinstance(records[0], Header) or records[0].schema != SCHEMA:
            raise UnreadableFile(f"{path} is not a journal of this version of posit-audit.")
        if lines[-1]:
            os.truncate(path, path.stat().st_size - len(lines[-1]))
        return cls(path, records)

    @property
    def header(self) -> Header:
        header = self.records[0]
        assert isinstance(header, Header)  # noqa: S101 - create() and open() both see to it
        return header

    def intent(self, step: Step) -> None:
        self._add(Intent(time=_now(), step=step))

    def outcome(self, outcome: Outcome) -> None:
        self._add(Ended(time=_now(), outcome=outcome))

    def interrupted(self, step: Step) -> None:
        self._add(Interrupted(time=_now(), step=step.id))

    def undone(self, outcome: Outcome) -> None:
        self._add(Undone(time=_now(), outcome=outcome))

    @property
    def changed_something(self) -> bool:
        """Or may have. What was taken back had changed something."""
        return bool(self.to_undo()) or any(isinstance(record, Undone) for record in self.records)

    def to_undo(self) -> tuple[Step, ...]:
        """What may have changed something and was not undone yet, the last one first. A step that failed or was cut
        off may have changed something too."""
        steps: dict[str, Step] = {}
        for record in self.records:
            match record:
                case Intent(step=step):
                    steps.pop(step.id, None)
                    steps[step.id] = step
                case Ended(outcome=outcome) if outcome.state not in (State.DONE, State.FAILED):
                    steps.pop(outcome.step, None)
                case Undone(outcome=outcome) if outcome.state in (State.DONE, State.ALREADY):
                    steps.pop(outcome.step, None)
                case _:
                    pass
        return tuple(reversed(steps.values()))

    def details(self, step: str) -> Mapping[str, Any]:
        """What the step's last outcome told besides; empty where it was cut off."""
        told = [record.outcome for record in self.records if isinstance(record, Ended)]
        return next((outcome.details for outcome in reversed(told) if outcome.step == step), {})

    def _add(self, record: Record) -> None:
        line = msgspec.json.encode(record) + b"\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            raise PositAuditError(f"The journal {self.path} can't be written: {error.strerror}.") from error
        self.records.append(record)


def newest_journal(folder: Path | None = None) -> Journal:
    """Of the last run that changed something, whether that was taken back or not; where none did, of the last run.
    Raises UnreadableFile where there is none. Names begin with their UTC time, so they sort by it."""
    where = folder or journals_folder()
    paths = sorted(where.glob("*.jsonl"), reverse=True)
    if not paths:
        raise UnreadableFile(
            f"There is no journal in {where}: nothing was applied from here.",
            hint="Name the journal if it lies elsewhere: posit-audit undo JOURNAL",
        )
    journals = (Journal.open(path) for path in paths)
    return next((journal for journal in journals if journal.changed_something), Journal.open(paths[0]))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
