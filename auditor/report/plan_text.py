"""A plan and what became of it, as text and as plain data for JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from auditor.model.finding import Finding, Result
from auditor.model.outcome import Outcome, State, Verdict
from auditor.model.plan import Held, LeftOut, Plan, Step
from auditor.model.seen import Unseen
from auditor.printable import name, printable, printable_all

_MARKS = {
    State.DONE: "done",
    State.ALREADY: "already so",
    State.FAILED: "FAILED",
    State.REFUSED: "refused",
    State.SKIPPED: "skipped",
}


def plan_text(plan: Plan, findings: Iterable[Finding] = (), blind: Iterable[Unseen] = ()) -> str:
    """Steps by release in the order in which they will be made, then what stays as it is and why, then what could not
    be told: a plan says nothing about that, and must not look as if it did."""
    untold = not_told(findings, blind)
    lines = [f"Context {plan.context} at {plan.server}.", ""]
    if not plan.steps and not plan.held and not plan.left_out:
        lines.append("Nothing to do in what could be seen." if untold else "Nothing to do.")
    numbered = list(enumerate(plan.steps, start=1))
    for release, steps in groupby(numbered, key=lambda item: item[1].release):
        lines += [f"Release {release}", ""]
        for number, step in steps:
            lines += [*_step(number, step), ""]
    if plan.held:
        lines += ["Left as it is:", ""]
        lines += [line for held in plan.held for line in _held(held)]
        lines.append("")
    if plan.left_out:
        lines += ["Left out by --only and --skip:", ""]
        lines += [line for left in plan.left_out for line in _left_out(left)]
        lines.append("")
    if plan.steps or plan.held or plan.left_out:
        lines.append(_totals(plan))
    if untold:
        lines += ["", "Could not be told:", ""]
        lines += [line for row in untold for line in _untold(row)]
    return _text(lines)


def undo_text(journals: Sequence[object], context: str, server: str, steps: Iterable[Step]) -> str:
    """What a run has left to take back, the last step first. `journals`: its own, and those that it went on from."""
    back = [f"  - {step.title}: {step.undo}" for step in steps]
    by = ", which went on from ".join(map(str, journals))
    if not back:
        comma = "," if len(journals) > 1 else ""
        return _text([f"Nothing of {by}{comma} is left to take back. An earlier run: posit-audit undo JOURNAL"])
    return _text([f"Context {context} at {server}. To be taken back, by {by}:", *back])


def _step(number: int, step: Step) -> list[str]:
    return [
        f"  {number}. {step.title}",
        f"     id          {step.id}",
        *(f"       {line}" for line in step.diff),
        f"     mends       {', '.join(step.rules)}",
        f"     interrupts  {step.interrupts}",
        f"     undo        {step.undo}",
    ]


def _held(held: Held) -> list[str]:
    return [f"  - {held.release}  {held.rule}  {held.object}", f"      {held.reason}"]


def _left_out(left: LeftOut) -> list[str]:
    return [f"  - {left.release}  {left.rule}  {left.object}", f"      by {', '.join(left.steps)}"]


def not_told(findings: Iterable[Finding], blind: Iterable[Unseen]) -> list[dict[str, str]]:
    """What nobody could look at: of unknown findings `release`, `rule` and `object`, of the search for releases
    neither; of all `reason` and `how`."""
    unknown = (finding for finding in findings if finding.result is Result.UNKNOWN)
    told = [{"reason": unseen.reason, "how": unseen.how} for unseen in blind] + [
        {
            "release": str(finding.release),
            "rule": finding.rule,
            "object": str(finding.object),
            "reason": finding.message,
            "how": finding.how,
        }
        for finding in unknown
    ]
    return [{name: printable(text) for name, text in row.items()} for row in told]


def _untold(row: dict[str, str]) -> list[str]:
    where = f"{row['release']}  {row['rule']}  {row['object']}" if "rule" in row else "releases"
    return [f"  - {where}", f"      {row['reason']} {row['how']}".rstrip()]


def _totals(plan: Plan) -> str:
    left_out = f", {len(plan.left_out)} left out" if plan.left_out else ""
    return f"{_count(len(plan.steps), 'step')} planned, {_count(len(plan.held), 'finding')} left as found{left_out}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def outcomes_text(outcomes: Iterable[Outcome], verdicts: Iterable[Verdict] = ()) -> str:
    """What each step came to, then what the second scan says."""
    made, judged = tuple(outcomes), tuple(verdicts)
    lines = [f"{_MARKS[outcome.state]:>10}  {outcome.step}: {outcome.message}" for outcome in made]
    if judged:
        lines += ["", "Verified by a second scan:"]
        lines += [f"{_mark(v):>10}  {v.rule} on {v.object}: {v.message}" for v in judged]
        mended = sum(v.mended for v in judged)
        lines += ["", f"{mended} of {_count(len(judged), 'finding')} mended."]
    return _text(lines)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)


def _mark(verdict: Verdict) -> str:
    return "mended" if verdict.mended else "NOT MENDED"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as it is written to a file: what this gives, `apply/plan_file.py` reads back."""
    data: dict[str, Any] = msgspec.to_builtins(plan)
    for one in (*data["held"], *data["left_out"]):
        one["object"]["name"] = name(one["object"]["name"])
    return data | {"held": printable_all(data["held"]), "left_out": printable_all(data["left_out"])}


def outcomes_json(outcomes: Iterable[Outcome], verdicts: Iterable[Verdict] = ()) -> dict[str, Any]:
    return {
        "schema": "posit-audit.outcomes/v1",
        "outcomes": printable_all(msgspec.to_builtins(tuple(outcomes))),
        "verdicts": printable_all(msgspec.to_builtins(tuple(verdicts))),
    }
