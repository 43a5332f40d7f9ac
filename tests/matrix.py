"""Tables of what was tried on a real cluster: rows by columns, one test a cell.

`make test` tries each table's sample. `make matrix` (POSIT_AUDIT_MATRIX=all) tries every cell that has no good result
of this commit and this Kubernetes yet. Each result is kept in `.cache/matrix/<commit>/<kubernetes>/<table>/`, and the
tables are printed from there:

    python -m scripts.print_matrix     ends with 1 if a cell is missing or failed
"""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

import msgspec

from scripts.toolchain.build import kubernetes_version

ROOT = Path(__file__).resolve().parent.parent
ALL = os.environ.get("POSIT_AUDIT_MATRIX") == "all"
_LONGEST_REASON = 200


class End(StrEnum):
    PASSED = "passed"
    REFUSED = "refused"
    """With one clear reason, and nothing changed."""
    FAILED = "failed"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    commit: str
    table: str
    row: str
    column: str
    end: End
    why: str = ""
    state: str = ""
    seconds: float = 0


@dataclass(kw_only=True)
class Cell:
    """What one test tries. It calls `refused` if posit-audit does not do it and says why, and `saw` for each state that
    the table shows."""

    table: str
    row: str
    column: str
    reasons: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.row} - {self.column}"

    def refused(self, why: str) -> None:
        self.reasons.append(" ".join(why.split()))

    def saw(self, state: str) -> None:
        self.states.append(state)

    @property
    def file(self) -> Path:
        name = "".join(letter if letter.isalnum() else "-" for letter in str(self))
        return folder() / self.table / f"{name}.json"

    def result(self) -> Result | None:
        return msgspec.json.decode(self.file.read_bytes(), type=Result) if self.file.is_file() else None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep how the body ends."""
        begun = time.monotonic()
        end, why = End.FAILED, "interrupted"
        try:
            yield
            end, why = (End.REFUSED, self.reasons[-1]) if self.reasons else (End.PASSED, "")
        except BaseException as error:
            why = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
            raise
        finally:
            seconds = round(time.monotonic() - begun, 1)
            kept = Result(
                commit=commit(),
                table=self.table,
                row=self.row,
                column=self.column,
                end=end,
                why=why,
                state="; ".join(self.states),
                seconds=seconds,
            )
            self.file.parent.mkdir(parents=True, exist_ok=True)
            partial = self.file.with_suffix(".partial")
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
            partial.rename(self.file)


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    title: str
    corner: str
    rows: Sequence[str]
    columns: Sequence[str]
    sample: Sequence[tuple[str, str]]

    def __post_init__(self) -> None:
        assert {row for row, _ in self.sample} <= set(self.rows)
        assert {column for _, column in self.sample} <= set(self.columns)

    def cells(self) -> list[Cell]:
        return [Cell(table=self.name, row=row, column=column) for row in self.rows for column in self.columns]

    def wanted(self) -> list[Cell]:
        """To be tried by this run: the sample, or whatever has no good result yet."""
        if not ALL:
            return [cell for cell in self.cells() if (cell.row, cell.column) in self.sample]
        return [cell for cell in self.cells() if is_open(cell.result())]

    def markdown(self) -> str:
        """Reasons stand below the table, each once."""
        notes: dict[str, str] = {}
        lines = [
            f"| {' | '.join([self.corner, *self.columns])} |",
            f"| {' | '.join(['---'] * (len(self.columns) + 1))} |",
        ]
        for row in self.rows:
            words = [_word(Cell(table=self.name, row=row, column=column).result(), notes) for column in self.columns]
            lines.append(f"| {' | '.join([row, *words])} |")
        reasons = [f"- {note}: {why}" for why, note in notes.items()]
        return "\n".join([f"## {self.title}", "", *lines, *(["", *reasons] if reasons else []), ""])


def is_open(result: Result | None) -> bool:
    return result is None or result.end is End.FAILED


def _word(result: Result | None, notes: dict[str, str]) -> str:
    if result is None:
        return "not tried"
    note = f" ({notes.setdefault(result.why, str(len(notes) + 1))})" if result.why else ""
    return f"{result.end}{note}{f': {result.state}' if result.state else ''}"


def tables() -> list[Table]:
    """One of each test module in the folder."""
    folder = ROOT / "tests" / "cluster" / "matrix"
    names = sorted(path.stem for path in folder.glob("test_*.py"))
    return [importlib.import_module(f"tests.cluster.matrix.{name}").TABLE for name in names]


@cache
def commit() -> str:
    """The checkout's commit, and a digest of what is not committed."""
    said = _git("rev-parse", "--short=10", "HEAD").strip()
    changes = _git("diff", "HEAD") + _git("ls-files", "--others", "--exclude-standard")
    return f"{said}-{hashlib.sha256(changes.encode()).hexdigest()[:6]}" if changes else said


def folder() -> Path:
    return ROOT / ".cache" / "matrix" / commit() / kubernetes_version()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
