"""`helm upgrade` of a release at its own chart version with edited user-supplied values."""

from __future__ import annotations

import os
from itertools import chain, count
from pathlib import Path

from auditor.apply import guards
from auditor.apply.effect import Effect
from auditor.apply.found_again import found_again
from auditor.apply.helm_upgrade import HelmUpgrade, go_back, is_our_way_back, refuse_if_failed, refuse_if_guarded
from auditor.apply.plan_file import write_private
from auditor.apply.progress import Tick
from auditor.apply.release_values import (
    as_found,
    as_yaml,
    edited,
    looked_up,
    newest_record,
    planned_record,
    record_at,
    refuse_if_changed,
)
from auditor.apply.rendering import chart_of, manifest_of, refuse_templates
from auditor.apply.tools import Tools
from auditor.errors import ChartNotFound, ChartNotKnown, HelmError, PlanIsStale, PlanRefused
from auditor.helm.charts import FoundChart
from auditor.helm.decode import values_digest
from auditor.model.action import PatchValues
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import (
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    INGRESSES,
    POD_DISRUPTION_BUDGETS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Access,
)
from auditor.model.outcome import State
from auditor.model.rendering import Rendering
from auditor.model.snapshot import ReleaseRef

OBJECT = ("get", "create", "patch", "delete")
"""What Helm does to the objects that a chart renders (helm.sh/helm/v4/pkg/kube/client.go)."""
ACCESS: tuple[Access, ...] = (
    Access(SECRETS, (*OBJECT, "list", "update")),  # Helm's own records are Secrets too
    *(Access(resource, (*OBJECT, "list")) for resource in (SERVICES, DEPLOYMENTS)),
    *(Access(resource, OBJECT) for resource in (CONFIG_MAPS, SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS)),
    Access(SERVICE_ACCOUNTS, ("list",)),  # to see which of them a rollback took away
    *(
        Access(resource, ("get", "patch"))  # a server-side apply patches each object of the manifest
        for resource in (CLAIMS, INGRESSES, POD_DISRUPTION_BUDGETS)
    ),
)


def check(action: PatchValues, tools: Tools) -> str:
    release = _release(action)
    record = newest_record(tools, release)
    refuse_if_guarded(release, record, tools)
    if record.chart_name != action.chart or record.chart_version != action.chart_version:
        raise PlanIsStale(
            f"Release {release} is at chart {record.chart_name} {record.chart_version} now, not at {action.chart}"
            f" {action.chart_version}.",
            hint="Plan again.",
        )
    if values_digest(edited(record.values.reveal(), looked_up(action.edits, tools))) == record.values_digest:
        refuse_if_failed(release, record, action.revision)
        return f"The values of release {release} are as planned."
    refuse_if_changed(release, record, action.revision, action.values_digest)
    return ""


def rehearse(action: PatchValues, tools: Tools) -> Rendering | None:
    """A chart that is missing is no reason to refuse the whole plan: `act` writes the values to a file then."""
    try:
        chart = _chart(action, tools)
    except _ByHand:
        return None
    upgrade = _upgrade(action, tools, chart, _before(action, tools))
    return upgrade.rehearse(upgrade.handed_back)


def act(action: PatchValues, tools: Tools, tick: Tick) -> Effect:
    before = _before(action, tools)
    try:
        chart = _chart(action, tools)
    except _ByHand as missing:
        raise _values_by_hand(action, tools, before, missing.reason) from None
    return _upgrade(action, tools, chart, before).make(tick, "with the patched values")


def undo(action: PatchValues, tools: Tools, tick: Tick) -> Effect:
    release = _release(action)
    now = newest_record(tools, release)
    if now.values_digest == action.values_digest and now.status == "deployed":
        return Effect(State.ALREADY, f"Release {release} has the values that it had before.")
    by_hand = f"To go back all the same: helm rollback {release.name} {action.revision} -n {release.namespace}"
    before = record_at(tools, release, action.revision)
    ours = values_digest(edited(before.values.reveal(), as_found(action.edits, now.values.reveal())))
    if now.values_digest not in (ours, action.values_digest):
        raise PlanRefused(
            f"Release {release} was changed by somebody else since: revision {now.revision} has other values than"
            " ours. It stays as it is.",
            hint=by_hand,
        )
    if (now.chart_name, now.chart_version) != (action.chart, action.chart_version):
        raise PlanRefused(
            f"Release {release} was changed by somebody else since: revision {now.revision} is of chart"
            f" {now.chart_name} {now.chart_version}, not {action.chart_version}. It stays as it is.",
            hint=by_hand,
        )
    # Our own upgrade or rollback, if it was cut off, is pending and can be rolled back; another one is none of our
    # business.
    before_ours = (action.revision, action.chart, action.chart_version, action.values_digest)
    if now.revision > action.revision + 1 and not is_our_way_back(now, *before_ours):
        refusal = guards.helm_at_work(release, now)
        if refusal:
            raise PlanRefused(refusal)
    tick({"note": f"helm rollback of {release} to revision {action.revision}"})
    secrets = [now.values.reveal(), before.values.reveal()]
    go_back(release, action.revision, tools, secrets=secrets, manifest=manifest_of(action.rendering))
    return Effect(State.DONE, f"Release {release} is rolled back to the values of revision {action.revision}.")


def _release(action: PatchValues) -> ReleaseRef:
    return ReleaseRef(action.namespace, action.release)


def _before(action: PatchValues, tools: Tools) -> HelmRecord:
    return planned_record(tools, _release(action), action.revision, action.values_digest)


def _upgrade(action: PatchValues, tools: Tools, chart: FoundChart, before: HelmRecord) -> HelmUpgrade:
    values = edited(before.values.reveal(), looked_up(action.edits, tools))
    return HelmUpgrade(
        release=_release(action),
        chart=chart,
        version=action.chart_version,
        values=values,
        before=before,
        tools=tools,
        handed_back=frozenset(held.conflict for held in found_again(action.handed_back, tools)),
        overruled=frozenset(held.conflict for held in found_again(action.overruled, tools)),
        agreed=action.rendering,
    )


class _ByHand(Exception):
    """Helm or the chart is missing, so a person must run the upgrade."""

    def __init__(self, reason: HelmError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _chart(action: PatchValues, tools: Tools) -> FoundChart:
    try:
        _ = tools.helm.program
        return tools.charts.find(action.chart, action.chart_version, agreed=chart_of(action.rendering))
    except ChartNotKnown:
        raise
    except HelmError as error:
        raise _ByHand(error) from None


def _values_by_hand(action: PatchValues, tools: Tools, record: HelmRecord, reason: HelmError) -> PlanRefused:
    if tools.values_folder is None:
        return PlanRefused(reason.message, hint=reason.hint)
    values = edited(record.values.reveal(), looked_up(action.edits, tools))
    # Helm would run them for who uses the file.
    refuse_templates(values, _release(action), tools.catalog.chart(action.chart))
    content = as_yaml(values)
    path = _free(tools.values_folder, f"posit-audit-{action.namespace}-{action.release}-values", content)
    write_private(path, content)
    needed = "Helm 4" if record.server_side else "a Helm of 3.13 or newer"
    source = "" if isinstance(reason, ChartNotFound) else f" with {needed}"
    return PlanRefused(
        f"{reason} The patched values, with what is secret in them, are in {path}, readable for you alone.",
        hint=f"Use them{source}: helm upgrade {action.release} CHART --version {action.chart_version} --namespace"
        f" {action.namespace} --reset-values --values {path}; then delete that file.",
    )


def _free(folder: Path, name: str, content: bytes) -> Path:
    """Where no file is yet, or one with just this content: what is there may be somebody's only copy."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    paths = (folder / f"{each}.yaml" for each in names)
    return next(path for path in paths if not os.path.lexists(path) or _holds(path, content))


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False
