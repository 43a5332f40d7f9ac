"""How a running plan is shown on stderr: a moving line at a terminal, now and then a plain one elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from auditor.cli.printing import say
from auditor.model.action import ChangeOwnership
from auditor.model.outcome import Outcome
from auditor.model.plan import Step
from auditor.printable import printable

QUIET_SECONDS = 5.0


def describe(counts: Mapping[str, Any]) -> str:
    """The counts, as in 12,000 seen, 300 changed, 0 failed, 9,000 a second; or the note that came instead."""
    if "seen" not in counts:
        return str(counts.get("note", ""))
    parts = [f"{counts.get(name, 0):,} {name}" for name in ("seen", "changed", "failed")]
    if counts.get("per_second"):
        parts.append(f"{counts['per_second']:,.0f} a second")
    return ", ".join(parts)


class PlainProgress:
    """For logs: a line when a step begins and ends, and one every few seconds between."""

    def __init__(self) -> None:
        self._spoke = 0.0

    def step(self, step: Step) -> None:
        self._spoke = time.monotonic()
        say(f"{step.title} …")

    def tick(self, _step: Step, counts: Mapping[str, Any]) -> None:
        if "news" in counts:
            say(printable(f"  {counts['news']}"))
        elif time.monotonic() - self._spoke >= QUIET_SECONDS and describe(counts):
            self._spoke = time.monotonic()
            say(printable(f"  {describe(counts)}"))

    def done(self, _step: Step, outcome: Outcome) -> None:
        say(printable(f"  {outcome.state}: {outcome.message}"))


class BarProgress:
    """For a person: one line per step; a bar where the number of entries is known."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def step(self, step: Step) -> None:
        known = step.action.wrong if isinstance(step.action, ChangeOwnership) else None
        self._tasks[step.id] = self._bars.add_task(printable(step.title), total=known, note="")

    def tick(self, step: Step, counts: Mapping[str, Any]) -> None:
        if "news" in counts:
            self._bars.console.print(Text(printable(counts["news"])), soft_wrap=True)
            return
        self._bars.update(self._tasks[step.id], completed=counts.get("changed"), note=printable(describe(counts)))

    def done(self, step: Step, outcome: Outcome) -> None:
        task = self._tasks[step.id]
        self._bars.update(task, total=1, completed=1, note=str(outcome.state))
        self._bars.stop_task(task)


@contextmanager
def shown() -> Iterator[PlainProgress | BarProgress]:
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield BarProgress(bars)
