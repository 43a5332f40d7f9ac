"""Rehearse, apply, scan again, verify."""

from __future__ import annotations

from pathlib import Path

import msgspec

from auditor.apply.journal import Journal
from auditor.apply.progress import Progress
from auditor.apply.run import apply, dry_run, terminable
from auditor.apply.tools import Tools
from auditor.apply.trial import Tried, chosen
from auditor.errors import Interrupted, PositAuditError
from auditor.model.action import ChangeOwnership
from auditor.model.finding import Finding
from auditor.model.outcome import Outcome, State, Verdict
from auditor.model.plan import Plan, Step
from auditor.pipeline.prepare import Prepared, sights, tools_of, with_renderings
from auditor.pipeline.probe import Tell
from auditor.pipeline.scan import look
from auditor.planning.plan import with_action
from auditor.verify import verify


class FixResult(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: tuple[Outcome, ...]
    verdicts: tuple[Verdict, ...]
    journal: Path

    @property
    def failed(self) -> bool:
        return any(outcome.state is State.FAILED for outcome in self.outcomes)

    @property
    def changed(self) -> bool:
        """Something may be other than before. A step that failed may have come some way."""
        return any(outcome.state in (State.DONE, State.FAILED) for outcome in self.outcomes)

    @property
    def verified(self) -> bool:
        """All was done, and the second scan finds nothing of it any more."""
        done = all(outcome.state in (State.DONE, State.ALREADY) for outcome in self.outcomes)
        return done and all(verdict.mended for verdict in self.verdicts)


def carry_out(
    prepared: Prepared, *, charts: tuple[str, ...], helm: str, progress: Progress, tell: Tell = lambda _: None
) -> FixResult:
    """Exactly the plan, or StepsRefused before anything is changed. Raises Interrupted on Ctrl-C, SIGTERM or SIGHUP."""
    with tools_of(prepared, charts, helm) as tools:
        rendered = dry_run(prepared.plan, tools)
        made = _with_tried_images(with_renderings(prepared.plan, rendered), tools, tell)
        journal = Journal.create(made)
        outcomes = apply(made, tools, journal, progress)
    verdicts = verify(made, prepared.before.findings, _after(prepared, journal.path, tell), outcomes)
    return FixResult(outcomes=outcomes, verdicts=verdicts, journal=journal.path)


def _with_tried_images(made: Plan, tools: Tools, tell: Tell) -> Plan:
    """Each Job in the first of its images that a pod without the volume could use. Raises PlanRefused if there is
    none, Interrupted; by then nothing but that pod was made, and it is deleted."""
    tried: Tried = {}

    def placed(step: Step) -> Step:
        if not isinstance(step.action, ChangeOwnership):
            return step
        placement = chosen(step.action, tools, tell, tried)
        if placement.image != step.action.placement.image:
            tell(f"{step.id} works in image {placement.image}: {placement.why}.")
        return with_action(step, msgspec.structs.replace(step.action, placement=placement))

    with terminable():
        try:
            return msgspec.structs.replace(made, steps=tuple(map(placed, made.steps)))
        except KeyboardInterrupt:
            raise Interrupted("Stopped while an image was tried; nothing was changed.") from None


def _after(prepared: Prepared, journal: Path, tell: Tell) -> tuple[Finding, ...]:
    """What the second scan finds. What was done must be told even where nobody can look at it any more: then it is
    not proven, and nothing else."""
    try:
        seen = sights(prepared.connection, prepared.request, prepared.asked, tell)
        return look(prepared.connection, prepared.request, prepared.asked, seen).findings
    except PositAuditError as error:
        tell(f"The plan was carried out, and the second scan could not be made: {error}")
        return ()
    except KeyboardInterrupt:
        raise Interrupted(
            f"The plan was carried out, and the second scan was stopped. What was done is written down in {journal}.",
            hint=f"Look with: posit-audit scan; take it back with: posit-audit undo {journal}",
        ) from None
