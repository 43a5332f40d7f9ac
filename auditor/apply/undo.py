"""Takes back what a journal says was done, the last step first. Doing it twice is doing it once.

What can't be taken back leaves the rest of its release as it is where that builds on it: files go back to root only
where the chart that runs as root is back too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from auditor.apply.actions import PERFORMERS
from auditor.apply.journal import Journal, needs_stop
from auditor.apply.progress import Progress, Silent
from auditor.apply.run import came_to, ended, same_cluster, terminable
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, Interrupted, NotFound, PlanRefused, PositAuditError
from auditor.model.action import Action, ChangeOwnership, PatchValues, ScaleWorkload, UpgradeRelease
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Step
from auditor.model.snapshot import ReleaseRef

_TAKEN_BACK = (State.DONE, State.ALREADY)


@dataclass(frozen=True)
class Back:
    """A step to be taken back, and the journals that hold it: owners are given back once for all of them."""

    step: Step
    journals: tuple[Journal, ...]

    @property
    def action(self) -> Action:
        """With what the journals hold and the volume must not be asked for."""
        if not isinstance(self.step.action, ChangeOwnership):
            return self.step.action
        records = dict.fromkeys(
            str(record) for each in self.journals for record in each.details(self.step.id).get("records") or ()
        )
        jobs = dict.fromkeys(job for each in self.journals for job in each.jobs(self.step.id))
        return msgspec.structs.replace(self.step.action, records=tuple(records), jobs=tuple(jobs))


def to_take_back(journal: Journal, earlier: Iterable[Journal] = ()) -> tuple[Back, ...]:
    """The last step first; `earlier` are the runs that it went on from, newest first."""
    found: dict[tuple[str, Path | None], Back] = {}
    for each in (journal, *earlier):
        for step in each.to_undo():
            key = (step.id, None if isinstance(step.action, ChangeOwnership) else each.path)
            known = found.get(key)
            found[key] = Back(known.step, (*known.journals, each)) if known else Back(step, (each,))
    return tuple(found.values())


def undo(
    journal: Journal, tools: Tools, progress: Progress | None = None, earlier: Sequence[Journal] = ()
) -> tuple[Outcome, ...]:
    """One outcome per step that may have changed something and was not taken back yet. What somebody else changed since
    is REFUSED and left as it is. Raises PlanRefused where the journal is of another cluster, or in use."""
    same_cluster(f"The journal {journal.path}", journal.header.server, tools)
    told = progress or Silent()
    steps = to_take_back(journal, earlier)
    stops = {
        back.step.release: _stop(back.step.action) for back in steps if isinstance(back.step.action, ScaleWorkload)
    }
    outcomes: list[Outcome] = []
    stuck: set[ReleaseRef] = set()
    with ExitStack() as held:
        for each in (journal, *earlier):
            held.enter_context(each.held())
        held.enter_context(terminable())
        for back in steps:
            step = back.step
            told.step(step)
            try:
                if isinstance(step.action, ChangeOwnership) and step.release in stuck:
                    outcome = _skipped(step)
                else:
                    outcome = _undone(back, stops.get(step.release), tools, told)
            except KeyboardInterrupt:
                raise Interrupted(
                    f"Stopped while {step.id} was taken back.", hint=f"Go on with: posit-audit undo {journal.path}"
                ) from None
            if isinstance(step.action, PatchValues | UpgradeRelease) and outcome.state not in _TAKEN_BACK:
                stuck.add(step.release)
            for each in back.journals:
                each.undone(outcome)
            outcomes.append(outcome)
            told.done(step, outcome)
    return tuple(outcomes)


def _stop(action: ScaleWorkload) -> ScaleWorkload:
    """What stops the workload, of a start too."""
    return msgspec.structs.replace(action, before=action.replicas, replicas=0) if action.replicas else action


def _undone(back: Back, stop: ScaleWorkload | None, tools: Tools, progress: Progress) -> Outcome:
    step = back.step

    def tick(counts: Mapping[str, Any]) -> None:
        if "job" not in counts:
            progress.tick(step, counts)

    try:
        if stop and needs_stop(step):
            # A rollback starts the server again, with the replicas of its own values.
            with suppress(NotFound):
                PERFORMERS[ScaleWorkload].act(stop, tools, tick)
        return came_to(step, PERFORMERS[type(step.action)].undo(back.action, tools, tick))
    except (PlanRefused, Conflict) as error:
        return ended(step, State.REFUSED, str(error))
    except ActionFailed as error:
        return ended(step, State.FAILED, str(error), error.details)
    except PositAuditError as error:
        return ended(step, State.FAILED, str(error))


def _skipped(step: Step) -> Outcome:
    return ended(
        step,
        State.SKIPPED,
        f"Release {step.release} still has the chart and values that want these owners: take that back first.",
    )
