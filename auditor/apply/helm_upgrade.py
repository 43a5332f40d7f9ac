"""One `helm upgrade`, watched to its end, and the way back.

Helm is not told to wait: with `--wait` it would wait for pods before it ran a hook that they may need. The rollout
is watched here instead, and what was ready before and is not ready after is rolled back. The charts' own hook, which
re-owns the whole volume with an untagged busybox, is never run: ownership is an action of its own.

What Helm applies on the API server's side is applied there as a dry run before: a conflict with another field manager
would fail the upgrade and its rollback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from auditor.apply import guards, rights, rollout
from auditor.apply.comparing import refuse_foreign_deletions
from auditor.apply.conflicts import conflicts, hand_back, in_words, refuse_if_any, refuse_older_helm
from auditor.apply.effect import Effect
from auditor.apply.progress import Tick
from auditor.apply.release_values import as_yaml, newest_record, planned_record, record_at
from auditor.apply.rendering import Renderer, digest_of
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Forbidden, HelmBusy, PlanIsStale, PlanRefused, PositAuditError
from auditor.helm.charts import FoundChart
from auditor.helm.decode import values_digest
from auditor.model.held import Conflicting
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.kubernetes import DEPLOYMENTS, SERVICE_ACCOUNTS, SERVICES
from auditor.model.outcome import State
from auditor.model.rendering import Rendering
from auditor.model.snapshot import ReleaseRef
from auditor.readiness import Progress


@dataclass(frozen=True, kw_only=True)
class HelmUpgrade:
    """`version`: the chart's. `values`: all that the user supplies. `before`: the revision that it starts from and goes
    back to. `agreed`: what the plan shows; None while it is made."""

    release: ReleaseRef
    chart: FoundChart
    version: str
    values: dict[str, Any]
    before: HelmRecord
    tools: Tools
    handed_back: frozenset[Conflicting] = frozenset()
    """Conflicts that a step before it settles."""
    overruled: frozenset[Conflicting] = frozenset()
    """Conflicts that Helm is to overrule: these and no others."""
    agreed: Rendering | None = None

    @property
    def _secrets(self) -> list[object]:
        return [self.before.values.reveal(), self.values]

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(
            release=self.release,
            chart=self.chart,
            version=self.version,
            values=self.values,
            before=self.before,
            tools=self.tools,
            agreed=self.agreed,
        )

    def rehearse(self, settled: frozenset[Conflicting] = frozenset()) -> Rendering:
        """What it would apply. `settled`: conflicts that are gone by the time that it is made. Raises HelmError where
        Helm or the API server refuses, and PlanRefused for what is not the chart's own, if the identity lacks a
        permission that Helm will need, or if another field manager is in the way."""
        refuse_older_helm(self.release, self.before, self.tools)
        told = self._renderer.dry_run()
        lacking = rights.missing(told.objects, self.release.namespace, self.tools, server_side=self.before.server_side)
        if lacking:
            who = self.tools.reader.connection.identity
            raise PlanRefused(
                f"{who} may not {'; '.join(lacking)}, and helm upgrade of {self.release} needs it.",
                hint="posit-audit preflight --for fix prints the lines that grant it.",
            )
        rendering = self._renderer.judged(told)
        if self.before.server_side:
            self._refuse_conflicts(told.manifest.reveal(), settled)
        return rendering

    def _refuse_conflicts(self, manifest: str, settled: frozenset[Conflicting]) -> None:
        found = conflicts(manifest, self.release, self.tools) - settled
        refuse_if_any(found - self.overruled, self.release, "The upgrade")
        if found != self.overruled:
            gone = "; ".join(map(in_words, sorted(self.overruled - found)))
            raise PlanIsStale(
                f"The plan lets Helm overrule conflicts of release {self.release} that are no longer there: {gone}.",
                hint="Plan again.",
            )

    def make(self, tick: Tick, what: str, *, wait: bool = True) -> Effect:
        """`what` ends the sentence "Release x is at revision n". Raises ActionFailed after going back, and PlanRefused
        where another Helm came first and nothing was changed."""
        tools, release = self.tools, self.release
        tick({"note": "asking Helm for a dry run"})
        rendering = self.rehearse()
        # Chart and dry run take their time, and --reset-values would undo what somebody else changed meanwhile. What
        # comes from here on is Helm's own to refuse: of two upgrades of one revision it makes one.
        now = planned_record(tools, release, self.before.revision, self.before.values_digest)
        if digest_of(now.manifest.reveal()) != rendering.manifest:
            raise PlanIsStale(f"The stored manifest of release {release} was rewritten meanwhile.", hint="Plan again.")
        found = rollout.workloads(tools, release).items() if wait else ()
        ready = frozenset(name for name, state in found if state.progress is Progress.CURRENT)
        tick({"note": f"helm upgrade of {release}"})
        try:
            tools.helm.upgrade(
                release.namespace,
                release.name,
                chart=self.chart.path,
                values=as_yaml(self.values),
                secrets=self._secrets,
                hooks=rendering.hooks,
                force_conflicts=bool(self.overruled),
            )
            late = rollout.wait(tools, release, ready, tick)
        except KeyboardInterrupt:
            self._roll_back()
            raise
        except HelmBusy:
            raise
        except PositAuditError as error:
            raise ActionFailed(f"{error} {self._roll_back()}") from None
        if late:
            raise ActionFailed(f"After the upgrade the release did not get ready: {late}. {self._roll_back()}")
        after = newest_record(tools, release)
        unready = "" if ready else " Its workload was not ready before, so that was not waited for."
        return Effect(
            State.DONE,
            f"Release {release} is at revision {after.revision} {what}.{unready}",
            {"revision": after.revision, "revision_before": self.before.revision},
        )

    def _roll_back(self) -> str:
        """What became of it, as a sentence; Helm itself may not have come as far as making a revision."""
        release, revision = self.release, self.before.revision
        try:
            newest = newest_record(self.tools, release)
            if newest.revision == revision:
                return "Helm had not begun: nothing was changed."
            if not self._made(newest):
                return f"Revision {newest.revision} of release {release} is not ours, so that it stays as it is."
            if self.before.server_side:
                hand_back(self.before, release, self.tools)
            manifest = digest_of(self.before.manifest.reveal())
            go_back(release, revision, self.tools, secrets=self._secrets, manifest=manifest)
        except PositAuditError as error:
            return (
                f"Rolling back failed too ({error}); do it by hand: helm rollback {release.name} {revision}"
                f" --namespace {release.namespace}"
            )
        return f"The release was rolled back to revision {revision}."

    def _made(self, record: HelmRecord) -> bool:
        before = self.before
        ours = (before.revision + 1, before.chart_name, self.version, values_digest(self.values))
        return (record.revision, record.chart_name, record.chart_version, record.values_digest) == ours


def go_back(release: ReleaseRef, revision: int, tools: Tools, *, secrets: Sequence[object], manifest: str = "") -> None:
    """`helm rollback`, which Helm 4 makes as the older revision was made. `manifest`: the digest of its manifest, which
    Helm applies as it stands in the record.

    Where the older chart named no service account and the newer one brought one, Helm deletes the
    account, and its patch leaves the Deployment naming it: the API server keeps `serviceAccountName` in step with the
    deprecated `serviceAccount`, which no manifest ever had. No pod could start then, so both are taken out.

    Raises PlanRefused before anything is changed if Helm is too old for it, or would conflict."""
    before = record_at(tools, release, revision)
    if manifest and digest_of(before.manifest.reveal()) != manifest:
        raise PlanRefused(
            f"The record of revision {revision} of release {release} was rewritten since: its manifest is another one.",
            hint=f"Compare before you roll back by hand: helm get manifest {release.name} -n {release.namespace}"
            f" --revision {revision}",
        )
    now = newest_record(tools, release)
    for record in (before, now):
        refuse_older_helm(release, record, tools)
    refuse_foreign_deletions(before.manifest.reveal(), now.manifest.reveal(), release, tools)
    if before.server_side:
        refuse_if_any(conflicts(before.manifest.reveal(), release, tools), release, "The rollback")
    accounts = _accounts(release, tools)
    try:
        tools.helm.rollback(release.namespace, release.name, revision, secrets=secrets)
    finally:  # when interrupted too: Helm came to its end first, and undo finds the release as it was
        _take_out(accounts - _accounts(release, tools), release, tools)


def _take_out(lost: set[str], release: ReleaseRef, tools: Tools) -> None:
    for deployment in rollout.deployments(tools, release) if lost else ():
        if deployment["spec"]["template"]["spec"].get("serviceAccountName") in lost:
            metadata = deployment["metadata"]
            nobody = {"serviceAccountName": None, "serviceAccount": None}
            body = {"metadata": {"uid": metadata["uid"]}, "spec": {"template": {"spec": nobody}}}
            tools.writer.patch(DEPLOYMENTS, metadata["namespace"], metadata["name"], body)


def _accounts(release: ReleaseRef, tools: Tools) -> set[str]:
    try:
        found = tools.reader.list(SERVICE_ACCOUNTS, release.namespace, metadata_only=True)
        return {account["metadata"]["name"] for account in found}
    except Forbidden:
        return set()  # the way back matters more than what it may leave behind


def is_our_way_back(record: HelmRecord, revision: int, chart: str, version: str, digest: str) -> bool:
    """Whether it is a rollback from the revision after `revision`, which had that chart and values, that was begun and
    did not reach its end. Helm itself minds none that is pending."""
    unfinished = record.status in (HelmStatus.PENDING_ROLLBACK, HelmStatus.FAILED)
    of_old = (record.chart_name, record.chart_version, record.values_digest) == (chart, version, digest)
    return unfinished and of_old and record.revision == revision + 2


def refuse_if_failed(release: ReleaseRef, record: HelmRecord, revision: int) -> None:
    """Raises PlanRefused. What failed is not done, whatever its record says: Helm stopped on the way there. `revision`:
    the one that the plan was made for."""
    if record.status is HelmStatus.FAILED:
        raise PlanRefused(
            f"Release {release} has chart and values as planned, but its last Helm operation failed at revision"
            f" {record.revision}, so that what runs may be neither the old nor the new.",
            hint=f"Roll back first: helm rollback {release.name} {revision} --namespace {release.namespace}; then plan"
            " again.",
        )


def refuse_if_guarded(release: ReleaseRef, record: HelmRecord, tools: Tools) -> None:
    """Raises PlanRefused where another Helm is at work or a Git repository owns the release."""
    services = tools.reader.list(
        SERVICES, release.namespace, label_selector=f"app.kubernetes.io/instance={release.name}", metadata_only=True
    )
    refusal = guards.helm_at_work(release, record) or guards.owned_by_git(release, services)
    if refusal:
        raise PlanRefused(refusal)
