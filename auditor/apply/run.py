"""Applies a plan: first the whole of it as a rehearsal, then step by step.

Releases are independent of each other: where a step fails or is refused, the rest of its release is skipped, because
later steps build on earlier ones, and the other releases go on. Only what ends an interruption is done all the same.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from auditor.apply.actions import PERFORMERS
from auditor.apply.effect import Effect
from auditor.apply.journal import Journal
from auditor.apply.progress import Progress
from auditor.apply.tools import Tools
from auditor.errors import (
    ActionFailed,
    Conflict,
    Interrupted,
    PlanRefused,
    PositAuditError,
    StepsRefused,
    UnwritableJournal,
)
from auditor.model.action import ChangeOwnership, ScaleWorkload
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Plan, Step
from auditor.model.rendering import Rendering
from auditor.model.snapshot import ReleaseRef
from auditor.printable import printable


def dry_run(plan: Plan, tools: Tools) -> dict[str, Rendering]:
    """Every guard, every precondition and the API server's own answer, for every step; by step id, what Helm would
    apply. Raises one StepsRefused with all reasons; changes nothing."""
    same_cluster("The plan", plan.server, tools)
    refused: dict[str, str] = {}
    rendered: dict[str, Rendering] = {}
    for step in plan.steps:
        try:
            if found := rehearse(step, tools):
                rendered[step.id] = found
        except PositAuditError as error:
            refused[step.id] = str(error)
    if refused:
        listed = "".join(f"\n  - {id_}: {reason}" for id_, reason in refused.items())
        raise StepsRefused(
            f"The plan can't be applied, and nothing was changed:{listed}\nFix what is named, or leave it out.",
            steps=tuple(refused),
        )
    return rendered


def rehearse(step: Step, tools: Tools) -> Rendering | None:
    """What Helm would apply. Raises what is against the step; changes nothing."""
    performer = PERFORMERS[type(step.action)]
    return None if performer.check(step.action, tools) else performer.rehearse(step.action, tools)


def apply(plan: Plan, tools: Tools, journal: Journal, progress: Progress) -> tuple[Outcome, ...]:
    """One outcome per step, in order. Applying a plan twice is applying it once.

    Raises Interrupted on Ctrl-C, SIGTERM and SIGHUP, after the journal says so, and UnwritableJournal where nothing
    more can be written down: then nothing more is begun, and servers that were stopped are started."""
    same_cluster("The plan", plan.server, tools)
    outcomes: list[Outcome] = []
    stopped: set[ReleaseRef] = set()
    with journal.held(), terminable():
        for step in plan.steps:
            progress.step(step)
            try:
                skip = step.release in stopped and not _ends_interruption(step)
                outcome = _skipped(step) if skip else _make(step, tools, journal, progress)
            except KeyboardInterrupt:
                journal.interrupted(step)
                job = " Its Job goes on by itself in the cluster." if isinstance(step.action, ChangeOwnership) else ""
                raise Interrupted(
                    f"Stopped during {step.id}.{job}{_left_stopped(plan, step)} What was begun is written down in "
                    f"{journal.path}.",
                    hint=f"Run the same again to go on, or take it back with: posit-audit undo {journal.path}",
                ) from None
            except UnwritableJournal as error:
                raise UnwritableJournal(
                    f"{error} Nothing more was begun after {step.id}.{_started(plan, step, tools, progress)}",
                    hint=f"Then run the same again, or take it back with: posit-audit undo {journal.path}",
                ) from None
            if outcome.state in (State.FAILED, State.REFUSED):
                stopped.add(step.release)
            outcomes.append(outcome)
            progress.done(step, outcome)
    return tuple(outcomes)


def _starts_after(plan: Plan, last: Step) -> list[Step]:
    """Of what the steps up to `last` stopped."""
    at = plan.steps.index(last)
    stops = {step.release for step in plan.steps[: at + 1] if isinstance(step.action, ScaleWorkload)}
    return [step for step in plan.steps[at:] if step.release in stops and _ends_interruption(step)]


def _left_stopped(plan: Plan, last: Step) -> str:
    surely = "may be" if isinstance(last.action, ScaleWorkload) else "is"
    return "".join(f" {step.object} {surely} stopped." for step in _starts_after(plan, last) if step is not last)


def _started(plan: Plan, last: Step, tools: Tools, progress: Progress) -> str:
    """Without a word in the journal: it only ends an interruption."""
    outcomes = [_act(step, tools, progress) for step in _starts_after(plan, last)]
    return "".join(
        f" {outcome.message}" if outcome.state is State.DONE else f" {outcome.object} is stopped: {outcome.message}"
        for outcome in outcomes
    )


def _make(step: Step, tools: Tools, journal: Journal, progress: Progress) -> Outcome:
    performer = PERFORMERS[type(step.action)]
    try:
        already = performer.check(step.action, tools)
    except PositAuditError as error:
        outcome = ended(step, State.REFUSED, str(error))
    else:
        if already:
            outcome = ended(step, State.ALREADY, already)
        else:
            journal.intent(step)
            outcome = _act(step, tools, progress, journal)
    journal.outcome(outcome)
    return outcome


def _act(step: Step, tools: Tools, progress: Progress, journal: Journal | None = None) -> Outcome:
    performer = PERFORMERS[type(step.action)]

    def tick(counts: Mapping[str, Any]) -> None:
        if "job" not in counts:
            progress.tick(step, counts)
        elif journal:
            journal.made(step, counts["job"])

    try:
        effect = performer.act(step.action, tools, tick)
    except (PlanRefused, Conflict) as error:
        return ended(step, State.REFUSED, str(error))
    except ActionFailed as error:
        return ended(step, State.FAILED, str(error), error.details)
    except PositAuditError as error:
        return ended(step, State.FAILED, str(error))
    return came_to(step, effect)


def came_to(step: Step, effect: Effect) -> Outcome:
    return Outcome(
        step=step.id,
        object=step.object,
        state=effect.state,
        message=printable(effect.message),
        details=effect.details,
    )


def ended(step: Step, state: State, message: str, details: Mapping[str, Any] | None = None) -> Outcome:
    return Outcome(step=step.id, object=step.object, state=state, message=printable(message), details=details or {})


def _ends_interruption(step: Step) -> bool:
    """A server that was stopped is started again whatever became of the steps between."""
    return isinstance(step.action, ScaleWorkload) and step.action.replicas > 0


def _skipped(step: Step) -> Outcome:
    return ended(step, State.SKIPPED, f"An earlier step of release {step.release} did not succeed.")


def same_cluster(what: str, server: str, tools: Tools) -> None:
    if server != tools.server:
        raise PlanRefused(
            f"{what} was made for the API server {server}, and this is {tools.server}. Nothing was changed.",
            hint="Choose the context with --context.",
        )


_ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM stops as Ctrl-C does, in order and with a word in the journal, and so does a terminal that is closed:
    SIGHUP, but not under nohup; on Windows SIGBREAK."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    heard = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
