"""`helm upgrade` of a release to another chart version, with its own values migrated to it.

The migration is made again from the values that Helm stores: a plan holds no values. The digest of those values,
the version of posit-audit and the rows added to its catalog settle that what comes out is what the plan was made for.
"""

from __future__ import annotations

from typing import Any

from auditor import __version__
from auditor.apply import guards
from auditor.apply.actions import patch_values
from auditor.apply.effect import Effect
from auditor.apply.found_again import found_again
from auditor.apply.helm_upgrade import HelmUpgrade, go_back, is_our_way_back, refuse_if_failed, refuse_if_guarded
from auditor.apply.progress import Tick
from auditor.apply.release_values import edited, looked_up, newest_record, planned_record, record_at, refuse_if_changed
from auditor.apply.rendering import chart_of, manifest_of
from auditor.apply.tools import Tools
from auditor.errors import PlanIsStale, PlanRefused
from auditor.model.action import UpgradeRelease
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import CLAIMS, INGRESSES, POD_DISRUPTION_BUDGETS, SERVICE_MONITORS, Access
from auditor.model.outcome import State
from auditor.model.rendering import Rendering
from auditor.model.snapshot import ReleaseRef
from auditor.names.shown import key
from auditor.values.migration import migrate_values

ACCESS: tuple[Access, ...] = (
    *patch_values.ACCESS,
    *(Access(resource, patch_values.OBJECT) for resource in (INGRESSES, POD_DISRUPTION_BUDGETS, SERVICE_MONITORS)),
    Access(CLAIMS, ("get", "create", "patch")),  # nobody's data is deleted with a claim
)


def check(action: UpgradeRelease, tools: Tools) -> str:
    release = _release(action)
    record = newest_record(tools, release)
    refuse_if_guarded(release, record, tools)
    if (record.chart_name, record.chart_version) == (action.chart, action.to_version):
        refuse_if_failed(release, record, action.revision)
        return f"Release {release} is at chart {action.chart} {action.to_version}."
    refuse_if_changed(release, record, action.revision, action.values_digest)
    if action.made_by != __version__:
        raise PlanIsStale(
            f"The plan was made by posit-audit {action.made_by}, and this is {__version__}, which may migrate values"
            " in another way.",
            hint="Plan again.",
        )
    if action.catalog != tools.catalog.added:
        raise PlanIsStale(
            f"The plan was made {_rows(action.catalog)}, and this run is made {_rows(tools.catalog.added)}, which may"
            " migrate values in another way.",
            hint="Give the same --catalog files in the same order, or plan again.",
        )
    return ""


def _rows(added: str) -> str:
    return f"with rows of --catalog (sha256 {added[:12]})" if added else "without --catalog"


def rehearse(action: UpgradeRelease, tools: Tools) -> Rendering:
    """Raises HelmError also where Helm or the chart is missing: nothing is stopped for what can't be made."""
    upgrade = _upgrade(action, tools)
    return upgrade.rehearse(upgrade.handed_back)


def act(action: UpgradeRelease, tools: Tools, tick: Tick) -> Effect:
    return _upgrade(action, tools).make(tick, f"and chart {action.to_version}", wait=action.wait)


def undo(action: UpgradeRelease, tools: Tools, tick: Tick) -> Effect:
    release = _release(action)
    now = newest_record(tools, release)
    if (now.chart_version, now.values_digest, now.status) == (action.from_version, action.values_digest, "deployed"):
        return Effect(State.ALREADY, f"Release {release} is at chart {action.from_version} as before.")
    ours = now.revision == action.revision + 1 and now.chart_version == action.to_version
    before_ours = (action.revision, action.chart, action.from_version, action.values_digest)
    if now.revision > action.revision and not (ours or is_our_way_back(now, *before_ours)):
        refusal = guards.helm_at_work(release, now)
        raise PlanRefused(
            refusal
            or f"Release {release} was changed by somebody else since: it is at revision {now.revision}. It"
            " stays as it is.",
            hint=f"To go back all the same: helm rollback {release.name} {action.revision} -n {release.namespace}",
        )
    before = record_at(tools, release, action.revision)
    tick({"note": f"helm rollback of {release} to revision {action.revision}"})
    secrets = [now.values.reveal(), before.values.reveal()]
    go_back(release, action.revision, tools, secrets=secrets, manifest=manifest_of(action.rendering))
    return Effect(State.DONE, f"Release {release} is rolled back to chart {action.from_version}.")


def _release(action: UpgradeRelease) -> ReleaseRef:
    return ReleaseRef(action.namespace, action.release)


def _upgrade(action: UpgradeRelease, tools: Tools) -> HelmUpgrade:
    _ = tools.helm.program  # its absence is told before the chart's
    before = planned_record(tools, _release(action), action.revision, action.values_digest)
    return HelmUpgrade(
        release=_release(action),
        chart=tools.charts.find(action.chart, action.to_version, agreed=chart_of(action.rendering)),
        version=action.to_version,
        values=_values(action, before, tools),
        before=before,
        tools=tools,
        handed_back=frozenset(held.conflict for held in found_again(action.handed_back, tools)),
        overruled=frozenset(held.conflict for held in found_again(action.overruled, tools)),
        agreed=action.rendering,
    )


def _values(action: UpgradeRelease, before: HelmRecord, tools: Tools) -> dict[str, Any]:
    migrated, notes = migrate_values(
        edited(before.values.reveal(), looked_up(action.edits, tools)),
        tools.catalog.chart(action.chart),
        from_version=action.from_version,
        to_version=action.to_version,
        namespace=action.namespace,
    )
    undecided = [key(note.key) for note in notes if note.needs_decision]
    if undecided:
        raise PlanRefused(
            f"The values of release {_release(action)} need a person's decision before they fit chart"
            f" {action.to_version}: {', '.join(undecided)}."
        )
    return edited(migrated, action.settings)
