"""Takes back what a journal says was done, the last step first. Doing it twice is doing it once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from auditor.apply.actions import PERFORMERS
from auditor.apply.journal import Journal
from auditor.apply.progress import Progress, Silent
from auditor.apply.run import came_to, ended, same_cluster, terminable
from auditor.apply.tools import Tools
from auditor.errors import Conflict, Interrupted, PlanRefused, PositAuditError
from auditor.model.action import Action, ChangeOwnership
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Step


def undo(journal: Journal, tools: Tools, progress: Progress | None = None) -> tuple[Outcome, ...]:
    """One outcome per step that may have changed something and was not taken back yet. What somebody else changed since
    is REFUSED and left as it is. Raises PlanRefused where the journal is of another cluster."""
    same_cluster(journal.header.server, tools)
    told = progress or Silent()
    outcomes: list[Outcome] = []
    with terminable():
        for step in journal.to_undo():
            told.step(step)
            try:
                outcome = _undone(step, journal, tools, told)
            except KeyboardInterrupt:
                raise Interrupted(
                    f"Stopped while {step.id} was taken back.", hint=f"Go on with: posit-audit undo {journal.path}"
                ) from None
            journal.undone(outcome)
            outcomes.append(outcome)
            told.done(step, outcome)
    return tuple(outcomes)


def _undone(step: Step, journal: Journal, tools: Tools, progress: Progress) -> Outcome:
    performer = PERFORMERS[type(step.action)]
    try:
        action = _knowing(step.action, journal.details(step.id))
        return came_to(step, performer.undo(action, tools, lambda counts: progress.tick(step, counts)))
    except (PlanRefused, Conflict) as error:
        return ended(step, State.REFUSED, str(error))
    except PositAuditError as error:
        return ended(step, State.FAILED, str(error))


def _knowing(action: Action, details: Mapping[str, Any]) -> Action:
    """With what the journal holds and the volume must not be asked for."""
    if not isinstance(action, ChangeOwnership):
        return action
    return msgspec.structs.replace(action, records=tuple(map(str, details.get("records") or ())))
