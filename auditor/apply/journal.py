"""What was begun and what became of it, on disk before it happens: JSON lines, one fsync each. No value of a Secret, a
release or a configuration is ever in it."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from auditor import __version__
from auditor.apply.file_lock import locked
from auditor.apply.plan_file import ascii_json
from auditor.apply.records import SCHEMA, Ended, Header, Intent, Interrupted, Made, Record, Undone
from auditor.errors import PlanRefused, UnreadableFile, UnwritableJournal
from auditor.model.action import ChangeOwnership, ScaleWorkload
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Plan, Step


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
            raise UnwritableJournal(
                f"The journal {path} can't be made: {error.strerror}. Nothing was changed.",
                hint="Set XDG_STATE_HOME to a folder that can be written.",
            ) from error
        journal = cls(path, ())
        try:
            journal._add(Header(version=__version__, server=plan.server, context=plan.context, time=_now()))
        except UnwritableJournal:
            path.unlink(missing_ok=True)
            raise
        return journal

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Raises UnreadableFile. A last line that a crash cut off is left out: its step did not begin."""
        hint = f"Name the journal of a run: posit-audit undo JOURNAL. They lie in {journals_folder()}."
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise UnreadableFile(f"The journal {path} can't be read: {error.strerror}.", hint=hint) from error
        records: list[Record] = []
        for number, line in enumerate(lines[:-1], start=1):
            try:
                records.append(msgspec.json.decode(line, type=Record))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UnreadableFile(
                    f"{path}, line {number}, is not a record of a journal: {error}.", hint=hint
                ) from error
        if not records or not isinstance(records[0], Header) or records[0].schema != SCHEMA:
            raise UnreadableFile(f"{path} is not a journal of this version of posit-audit.", hint=hint)
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

    def made(self, step: Step, job: str) -> None:
        """`job`: its uid."""
        self._add(Made(time=_now(), step=step.id, job=job))

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
        off may have changed something too. While owners are still to be given back, stop and start of their release
        belong to it: that needs a server that is stopped."""
        back: set[str] = set()
        for record in self.records:
            if isinstance(record, Intent):
                back.discard(record.step.id)
            elif isinstance(record, Undone) and record.outcome.state in (State.DONE, State.ALREADY):
                back.add(record.outcome.step)
        began = self._began()
        stopped = {step.release for id_, step in began.items() if id_ not in back and needs_stop(step)}
        return tuple(
            step
            for id_, step in reversed(began.items())
            if id_ not in back or (isinstance(step.action, ScaleWorkload) and step.release in stopped)
        )

    def _began(self) -> dict[str, Step]:
        """What may have changed something, taken back or not, in its order."""
        steps: dict[str, Step] = {}
        for record in self.records:
            match record:
                case Intent(step=step):
                    steps.pop(step.id, None)
                    steps[step.id] = step
                case Ended(outcome=outcome) if outcome.state not in (State.DONE, State.FAILED):
                    steps.pop(outcome.step, None)
                case _:
                    pass
        return steps

    def went_on_from(self, earlier: Journal) -> bool:
        """Whether this run took up what `earlier` began and did not bring to its end: the same step, or the start of a
        server that it stopped."""
        mine, theirs = self._began(), earlier._began()
        done = {r.outcome.step for r in earlier.records if isinstance(r, Ended) and r.outcome.state is State.DONE}
        started = {step.release for step in theirs.values() if _starts(step) and step.id in done}
        stopped = {step.release for step in theirs.values() if _stops(step)} - started
        return any(
            (id_ in theirs and id_ not in done) or (_starts(step) and step.release in stopped)
            for id_, step in mine.items()
        )

    def jobs(self, step: str) -> tuple[str, ...]:
        """The uids of the Jobs that the step made."""
        return tuple(record.job for record in self.records if isinstance(record, Made) and record.step == step)

    def details(self, step: str) -> Mapping[str, Any]:
        """What the step's last outcome told besides; empty where it was cut off. Of the `records` those of each
        outcome, an undo's too: they name what lies on the volume, and no log is left to ask."""
        told = [r.outcome for r in self.records if isinstance(r, Ended | Undone) and r.outcome.step == step]
        ended = [r.outcome for r in self.records if isinstance(r, Ended) and r.outcome.step == step]
        records = dict.fromkeys(name for outcome in told for name in outcome.details.get("records") or ())
        return {**(ended[-1].details if ended else {}), **({"records": [*records]} if records else {})}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else applies or undoes by this journal meanwhile. Raises PlanRefused where somebody does."""
        with ExitStack() as held:
            try:
                held.enter_context(locked(held.enter_context(self.path.open("rb"))))
            except BlockingIOError:
                raise PlanRefused(
                    f"Another posit-audit is at work by the journal {self.path}. Nothing was changed.",
                    hint="Wait for its end, or stop it first.",
                ) from None
            yield

    def _add(self, record: Record) -> None:
        """The whole line or nothing: half of one would hide what follows it."""
        line = ascii_json(record) + b"\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                before = file.tell()
                try:
                    if file.write(line) != len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        file.truncate(before)
                    raise
        except OSError as error:
            raise UnwritableJournal(
                f"The journal {self.path} can't be written: {error.strerror}.", hint="Make room for it."
            ) from error
        self.records.append(record)


def _stops(step: Step) -> bool:
    return isinstance(step.action, ScaleWorkload) and not step.action.replicas


def _starts(step: Step) -> bool:
    return isinstance(step.action, ScaleWorkload) and step.action.replicas > 0


def needs_stop(step: Step) -> bool:
    """Whether it can be made and taken back only while the server is stopped."""
    return isinstance(step.action, ChangeOwnership) and step.action.after_stop


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows opens no folder
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
