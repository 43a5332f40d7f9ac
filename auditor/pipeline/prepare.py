"""From a scan to a plan: made, or read from a file. Nothing is changed by it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from auditor.apply.forecast import forecast
from auditor.apply.plan_file import read_plan, write_plan
from auditor.apply.tools import Consent, Tools, open_tools
from auditor.cluster.connect import Connection, connect
from auditor.cluster.reader import Reader
from auditor.errors import HelmError, UnreadableFile
from auditor.helm.command import Helm
from auditor.inventory import Sights
from auditor.inventory.own_pod import own_pod
from auditor.model.action import PatchValues, UpgradeRelease
from auditor.model.helm import HelmRecord
from auditor.model.plan import Plan, Step
from auditor.model.rendering import Rendering
from auditor.model.scope import ProbeMode
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet
from auditor.pipeline.probe import Tell, looks
from auditor.pipeline.scan import Asked, ScanRequest, ScanResult, checked, look
from auditor.planning.choosing import Choice, chosen, narrowed
from auditor.planning.groups import hold, with_dependents
from auditor.planning.images import with_images
from auditor.planning.placing import with_shards
from auditor.planning.plan import with_action
from auditor.rules import discover
from auditor.settings import ClusterSettings

__all__ = ["Choice", "Consent", "JobWishes", "Prepared", "keep", "prepare", "sights", "tools_of", "with_dependents"]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and the look that it was made from. Nothing is changed by making it."""

    connection: Connection
    request: ScanRequest
    asked: Asked
    before: ScanResult
    plan: Plan
    consent: Consent = Consent()

    @property
    def left(self) -> bool:
        """Whether something that could be fixed is not in the plan: left out on request, would be refused, or an
        upgrade that waits."""
        return bool(self.plan.left_out) or any(held.step for held in self.plan.held) or self.upgrades_left

    @property
    def upgrades_left(self) -> bool:
        """Whether an upgrade that was asked for is not in the plan: held, or nobody can tell what it would do."""
        planned = {step.release for step in self.plan.steps if isinstance(step.action, UpgradeRelease)}
        return any(
            state.ref not in planned
            for state in self.before.snapshot.releases
            if isinstance(state.target, Unseen) or (state.target and (state.target.failed or not state.target.reached))
        )


class JobWishes(msgspec.Struct, frozen=True, kw_only=True):
    """How the plan's ownership Jobs are to work. `image` is tried before those that planning/images.py finds."""

    image: str = ""
    shards: int = 1


def prepare(
    settings: ClusterSettings,
    request: ScanRequest,
    *,
    consent: Consent | None = None,
    saved: Path | None = None,
    jobs: JobWishes | None = None,
    choice: Choice | None = None,
    tell: Tell = lambda _: None,
) -> Prepared:
    """With `saved` the plan is the one in that file, as far as `choice` takes it: its preconditions show whether it
    still fits. Changes nothing: it reads, and tries the steps of a new plan with the API server's dry run. Raises
    ClusterError where no cluster can be reached, UnreadableFile for what is no plan, UnknownName and SplitGroup for a
    choice that can't be made."""
    choice, consent = choice or Choice(), consent or Consent()
    kept = narrowed(_kept(saved), choice, rules=_rules()) if saved else None
    if kept and not request.to:
        request = msgspec.structs.replace(request, to=_targets(kept))
    asked = checked(request)
    connection = connect(settings)
    seen = sights(connection, request, asked, tell)
    before = look(connection, request, asked, seen, frozenset({Facet.HELD_FIELDS}))
    prepared = Prepared(
        connection=connection,
        request=request,
        asked=asked,
        before=before,
        plan=kept or _made(connection, request, before, consent.unsafe, choice, jobs or JobWishes(), tell),
        consent=consent,
    )
    if kept:
        return _shown(prepared)
    return _tried(prepared, tell) if prepared.plan.steps else prepared


def _rules() -> tuple[str, ...]:
    return tuple(loaded.id for loaded in discover())


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
    connection: Connection,
    request: ScanRequest,
    before: ScanResult,
    unsafe: bool,
    choice: Choice,
    jobs: JobWishes,
    tell: Tell,
) -> Plan:
    helm = _helm_major(connection, request, before)
    findings = with_images(before.snapshot, before.findings, asked=jobs.image, own=own_pod(Reader(connection)))
    made = chosen(before.snapshot, findings, choice, unsafe=unsafe, helm_major=helm, rules=_rules())
    made, whole = with_shards(made, before.snapshot, jobs.shards)
    for sentence in whole:
        tell(sentence)
    return made


def _helm_major(connection: Connection, request: ScanRequest, before: ScanResult) -> int | None:
    """None if no release minds it, and without a Helm: the plan is made all the same, and its rehearsal names it."""
    records = (state.helm for state in before.snapshot.releases)
    if not any(isinstance(record, HelmRecord) and record.server_side for record in records):
        return None
    try:
        return Helm(connection.settings, program=request.helm).version.major
    except HelmError:
        return None


def _tried(prepared: Prepared, tell: Tell) -> Prepared:
    """Without what the API server or Helm would refuse. A kept plan is not tried before it is applied: it is what
    somebody agreed to, and is applied as it is or not at all."""
    with tools_of(prepared, prepared.request.charts, prepared.request.helm) as tools:
        found = forecast(prepared.plan, tools)
    for reason in dict.fromkeys(found.untried.values()):
        steps = [step for step, why in found.untried.items() if why == reason]
        tell(f"{', '.join(steps)} {'were' if steps[1:] else 'was'} not tried on the server: {reason}")
    plan = hold(prepared.plan, prepared.before.findings, found.refused)
    return msgspec.structs.replace(prepared, plan=with_renderings(plan, found.rendered))


def _shown(prepared: Prepared) -> Prepared:
    """With what Helm would apply, where a kept plan does not say it: the chart was not at hand when it was made."""
    unknown = tuple(step for step in prepared.plan.steps if _is_unrendered(step))
    if not unknown or not prepared.request.charts:
        return prepared
    with tools_of(prepared, prepared.request.charts, prepared.request.helm) as tools:
        found = forecast(msgspec.structs.replace(prepared.plan, steps=unknown), tools)
    return msgspec.structs.replace(prepared, plan=with_renderings(prepared.plan, found.rendered))


def _is_unrendered(step: Step) -> bool:
    return isinstance(step.action, PatchValues | UpgradeRelease) and step.action.rendering is None


def with_renderings(plan: Plan, rendered: Mapping[str, Rendering]) -> Plan:
    """Each step with what Helm would apply, by its id; what a step says already stays."""
    return msgspec.structs.replace(
        plan,
        steps=tuple(
            with_action(step, msgspec.structs.replace(step.action, rendering=rendered[step.id]))
            if step.id in rendered and _is_unrendered(step)
            else step
            for step in plan.steps
        ),
    )


def keep(made: Plan, path: Path) -> None:
    """For `prepare(saved=path)`, later or elsewhere."""
    write_plan(made, path)


def sights(connection: Connection, request: ScanRequest, asked: Asked, tell: Tell) -> Sights | None:
    return looks(connection, request, asked, tell) if request.probe is ProbeMode.JOB else None


def tools_of(prepared: Prepared, charts: tuple[str, ...], helm: str) -> AbstractContextManager[Tools]:
    return open_tools(
        prepared.connection,
        charts=charts,
        helm=helm,
        catalog=prepared.asked.upgrades.catalog,
        consent=prepared.consent,
    )
