"""What befalls a Job is told at once, whatever else is told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from auditor.cli.progress import BarProgress, PlainProgress
from tests.steps import ownership, step

STEP = step(ownership())
NEWS = {"news": "Pod [p] was evicted; the Job makes another, which goes on with its work."}


def test_news_are_told_in_a_log_however_soon(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.step(STEP)
    progress.tick(STEP, {"seen": 1, "changed": 1})
    progress.tick(STEP, NEWS)
    _, told = capsys.readouterr().err.splitlines()
    assert told.strip() == NEWS["news"]


def test_news_stand_above_the_bar_and_leave_it_where_it_was() -> None:
    out = io.StringIO()
    with Progress(console=Console(file=out, width=40)) as bars:
        progress = BarProgress(bars)
        progress.step(STEP)
        progress.tick(STEP, {"seen": 9, "changed": 7})
        progress.tick(STEP, NEWS)
        progress.tick(STEP, {"note": "pod p: pending"})
        (task,) = bars.tasks
    assert task.completed == 7
    assert task.fields["note"] == "pod p: pending"
    assert NEWS["news"] in out.getvalue()
