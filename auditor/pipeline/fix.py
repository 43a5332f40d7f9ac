"""Scan, plan, rehearse, apply, scan again, verify."""

from __future__ import annotations

from pathlib import Path

import msgspec

from auditor.apply.journal import Journal
from auditor.apply.plan_file import read_plan, write_plan
from auditor.apply.progress import Progress
from auditor.apply.run import apply, dry_run
from auditor.apply.tools import open_tools
from auditor.cluster.connect import Connection, connect
from auditor.cluster.reader import Reader
from auditor.errors import HelmError, Interrupted, PositAuditError, UnreadableFile
from auditor.helm.command import Helm
from auditor.inventory import Sights
from auditor.inventory.own_pod import own_pod
from auditor.model.action import UpgradeRelease
from auditor.model.finding import Finding
from auditor.model.helm import HelmRecord
from auditor.model.outcome import Outcome, State, Verdict
from auditor.model.plan import Plan
from auditor.model.scope import ProbeMode
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet
from auditor.pipeline.probe import Tell, looks
from auditor.pipeline.scan import Asked, ScanRequest, ScanResult, checked, look
from auditor.planning import plan
from auditor.planning.handing_back import with_hand_backs
from auditor.planning.placing import with_image, with_own_image, with_shards
from auditor.planning.plan import with_action
from auditor.settings import ClusterSettings
from auditor.verify import verify


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and the look that it was made from. Nothing is changed by making it."""

    connection: Connection
    request: ScanRequest
    asked: Asked
    before: ScanResult
    plan: Plan

    @property
    def upgrades_left(self) -> bool:
        """Whether an upgrade that was asked for is not in the plan: held, or nobody can tell what it would do."""
        planned = {step.release for step in self.plan.steps if isinstance(step.action, UpgradeRelease)}
        return any(
            state.ref not in planned
            for state in self.before.snapshot.releases
            if isinstance(state.target, Unseen) or (state.target and (state.target.failed or not state.target.reached))
        )


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


class JobWishes(msgspec.Struct, frozen=True, kw_only=True):
    """How the plan's ownership Jobs are to work. Without an image: the agent's own inside the cluster, otherwise the
    release's."""

    image: str = ""
    shards: int = 1


def prepare(
    settings: ClusterSettings,
    request: ScanRequest,
    *,
    unsafe: bool = False,
    saved: Path | None = None,
    jobs: JobWishes | None = None,
    tell: Tell = lambda _: None,
) -> Prepared:
    """With `saved` the plan is the one in that file as it stands: its preconditions tell whether it still fits. Reads
    only. Raises ClusterError where no cluster can be reached, UnreadableFile for what is no plan."""
    kept = _kept(saved) if saved else None
    if kept and not request.to:
        request = msgspec.structs.replace(request, to=_targets(kept))
    asked = checked(request)
    connection = connect(settings)
    sights = _sights(connection, request, asked, tell)
    before = look(connection, request, asked, sights, frozenset({Facet.HELD_FIELDS}))
    return Prepared(
        connection=connection,
        request=request,
        asked=asked,
        before=before,
        plan=kept
        or _made(connection, before, unsafe, _helm_major(settings, request, before), jobs or JobWishes(), tell),
    )


def _helm_major(settings: ClusterSettings, request: ScanRequest, before: ScanResult) -> int | None:
    """None if no release minds it, and without a Helm: the plan is made all the same, and its rehearsal names it."""
    records = (state.helm for state in before.snapshot.releases)
    if not any(isinstance(record, HelmRecord) and record.server_side for record in records):
        return None
    try:
        return Helm(settings, program=request.helm).version.major
    except HelmError:
        return None


def _kept(path: Path) -> Plan:
    """What is shown is made from what will be done, not read beside it: somebody may have edited the file."""
    saved = read_plan(path)
    steps = tuple(with_action(step, step.action) for step in saved.steps)
    if len({step.id for step in steps}) < len(steps):
        raise UnreadableFile(f"{path} holds two steps that change the same.", hint="Make the plan again.")
    return msgspec.structs.replace(saved, steps=steps)


def _targets(kept: Plan) -> tuple[str, ...]:
    """What its upgrades go to, as --to has it: by that alone the second scan can tell whether they arrived."""
    actions = (step.action for step in kept.steps)
    upgrades = (action for action in actions if isinstance(action, UpgradeRelease))
    return tuple(dict.fromkeys(f"{action.chart}={action.to_version}" for action in upgrades))


def _made(
    connection: Connection, before: ScanResult, unsafe: bool, helm_major: int | None, jobs: JobWishes, tell: Tell
) -> Plan:
    made = plan(before.snapshot, before.findings, unsafe=unsafe, helm_major=helm_major)
    made = with_hand_backs(made, before.snapshot)
    if jobs.image:
        made = with_image(made, jobs.image)
    else:
        own = own_pod(Reader(connection))
        made = with_own_image(made, own) if own else made
    made, whole = with_shards(made, before.snapshot, jobs.shards)
    for sentence in whole:
        tell(sentence)
    return made


def keep(made: Plan, path: Path) -> None:
    """For `prepare(saved=path)`, later or elsewhere."""
    write_plan(made, path)


def _sights(connection: Connection, request: ScanRequest, asked: Asked, tell: Tell) -> Sights | None:
    return looks(connection, request, asked, tell) if request.probe is ProbeMode.JOB else None


def carry_out(
    prepared: Prepared, *, charts: tuple[str, ...], helm: str, progress: Progress, tell: Tell = lambda _: None
) -> FixResult:
    """Exactly the plan, or PlanRefused before anything is changed. Raises Interrupted on Ctrl-C, SIGTERM and SIGHUP."""
    with open_tools(prepared.connection, charts=charts, helm=helm, catalog=prepared.asked.upgrades.catalog) as tools:
        dry_run(prepared.plan, tools)
        journal = Journal.create(prepared.plan)
        outcomes = apply(prepared.plan, tools, journal, progress)
    verdicts = verify(prepared.plan, prepared.before.findings, _after(prepared, journal.path, tell), outcomes)
    return FixResult(outcomes=outcomes, verdicts=verdicts, journal=journal.path)


def _after(prepared: Prepared, journal: Path, tell: Tell) -> tuple[Finding, ...]:
    """What the second scan finds. What was done must be told even where nobody can look at it any more: then it is
    not proven, and nothing else."""
    try:
        sights = _sights(prepared.connection, prepared.request, prepared.asked, tell)
        return look(prepared.connection, prepared.request, prepared.asked, sights).findings
    except PositAuditError as error:
        tell(f"The plan was carried out, and the second scan could not be made: {error}")
        return ()
    except KeyboardInterrupt:
        raise Interrupted(
            f"The plan was carried out, and the second scan was stopped. What was done is written down in {journal}.",
            hint=f"Look with: posit-audit scan; take it back with: posit-audit undo {journal}",
        ) from None
