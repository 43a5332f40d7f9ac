"""Text that pods, events and records bring along reaches no reader as anything but visible characters, by any way."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from rich.console import Console
from rich.progress import Progress

from auditor import logs
from auditor.__main__ import main
from auditor.apply.journal import Journal
from auditor.apply.plan_file import read_plan, write_plan
from auditor.apply.run import ended
from auditor.cli.printing import say
from auditor.cli.progress import BarProgress
from auditor.errors import PositAuditError
from auditor.model.finding import Evidence, Result
from auditor.model.outcome import State
from auditor.model.plan import Held, Plan
from auditor.model.seen import Unseen
from auditor.model.values import Lint, ValueFinding
from auditor.printable import printable, printable_lines
from auditor.report import json as report_json
from auditor.report import lint as report_lint
from auditor.report import text as report_text
from auditor.report.plan_text import not_told, outcomes_json, outcomes_text, plan_json, plan_text
from tests.builders import finding, object_ref, package_manager, snapshot
from tests.steps import ownership, planned, step, wanting

HIDDEN = (
    "\x1b[2J",
    "\x9b2J",
    "\x07",
    "\r",
    "\u202e",  # turns the reading direction
    "\u2066",
    "\u200b",  # zero width
    "\ufeff",
    "\u00ad",
    "\u2028",  # breaks lines, and isn't one of ours
    "\ufe0f",
    "\U000e0041",  # a tag: text that nothing shows
    "\U000e0101",
    "\u3164",
    "\udcff",
)
EVIL = "a" + "".join(HIDDEN) + "z"


def shown(text: str) -> None:
    """What was hidden is there, escaped."""
    left = [one for one in HIDDEN if one in text]
    assert left == []
    assert "\\u202e" in text
    assert "\\x1b[2J" in text


def read_back(document: str) -> None:
    """What `jq -r` would print is as printable as what a terminal gets."""
    assert document.isascii()
    shown(json.dumps(json.loads(document), ensure_ascii=False).replace("\\\\", "\\"))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_is_not_seen_is_shown_escaped(hidden: str) -> None:
    said = printable(f"a{hidden}z")
    assert hidden not in said
    assert said.isprintable()
    assert said.startswith("a\\")


@pytest.mark.parametrize("text", ["Ünïcödé 1.2 [bold] {x}", "日本語", "→ ✓", ""])
def test_what_is_seen_stays(text: str) -> None:
    assert printable(text) == text


def test_line_breaks_are_told_from_text() -> None:
    assert printable("a\nb") == "a\\x0ab"
    assert printable_lines("a\nb\u2028c") == "a\nb\\u2028c"


FINDINGS = (
    finding("evil", message=EVIL, evidence=(Evidence(object=object_ref("Pod", "p"), field=EVIL, observed=EVIL),)),
    finding("dark", result=Result.UNKNOWN, message=EVIL, how=EVIL),
)
BLIND = (Unseen(reason=EVIL, how=EVIL),)
PLAN = planned(wanting(ownership(path=EVIL)))
HELD = Plan(
    server=PLAN.server,
    context=PLAN.context,
    steps=PLAN.steps,
    held=(Held(release=PLAN.steps[0].release, rule="r", object=PLAN.steps[0].object, reason=EVIL),),
)
OUTCOME = ended(PLAN.steps[0], State.FAILED, EVIL)
LINT = Lint(
    chart="rstudio-pm",
    from_version=None,
    to_version="0.20.4",
    will_fail=True,
    findings=(
        ValueFinding(
            id="x", effect="fails", key=EVIL, message=EVIL, remedy=EVIL, remedy_kind="removed", source="", path=("a",)
        ),
    ),
    notes=(EVIL,),
)


def test_reports() -> None:
    state = snapshot(package_manager(), blind=BLIND)
    shown(report_text.render(state, FINDINGS))
    read_back(report_json.render(state, FINDINGS))
    shown(report_lint.render(LINT))
    read_back(report_lint.render_json(LINT))


def test_plans_and_outcomes() -> None:
    shown(plan_text(HELD, FINDINGS, BLIND))
    shown(outcomes_text([OUTCOME]))
    read_back(json.dumps(outcomes_json([OUTCOME])))
    read_back(json.dumps(not_told(FINDINGS, BLIND)))
    told = plan_json(HELD)
    for step_ in told["steps"]:
        del step_["action"]  # which is carried out as it is
    read_back(json.dumps(told))


def test_files_hold_ascii_and_read_back_as_they_were(tmp_path: Path) -> None:
    whole = step(ownership(path="a\u202e\u200bz"))
    kept = Plan(server=PLAN.server, context=PLAN.context, steps=(whole,))
    write_plan(kept, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == kept
    journal = Journal.create(kept, tmp_path)
    journal.intent(whole)
    journal.outcome(ended(whole, State.FAILED, EVIL))
    assert Journal.open(journal.path).records == journal.records
    for file in (tmp_path / "plan.json", journal.path):
        assert file.read_bytes().isascii()
        assert b"\\u202e" in file.read_bytes()


@pytest.fixture
def restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.usefixtures("restored")
def test_log_lines(form: logs.LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(2, form)
    structlog.get_logger().info("trying again", because=EVIL, query={EVIL: [EVIL]})
    shown(capsys.readouterr().err.replace("\\\\", "\\"))


def test_progress_and_notices(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"first\n{EVIL}")
    out = io.StringIO()
    with Progress(console=Console(file=out, width=400)) as bars:
        progress = BarProgress(bars)
        progress.step(PLAN.steps[0])
        progress.tick(PLAN.steps[0], {"news": EVIL})
        progress.tick(PLAN.steps[0], {"note": EVIL})
        (task,) = bars.tasks
    shown(capsys.readouterr().err)
    shown(out.getvalue())
    shown(task.fields["note"])


@pytest.mark.parametrize("error", [PositAuditError(EVIL), OSError(2, "gone", EVIL)])
def test_the_last_word_of_a_run(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr("auditor.__main__.app", fails)
    monkeypatch.setattr("auditor.__main__.mute", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["posit-audit"])
    with pytest.raises(SystemExit):
        main()
    shown(capfd.readouterr().err)
