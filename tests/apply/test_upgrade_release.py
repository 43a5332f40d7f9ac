"""An upgrade to another chart version, told with a fake Helm; what goes right is in tests/cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.apply.actions import upgrade_release
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, HelmError, NotFound, PlanIsStale, PlanRefused
from auditor.helm.decode import values_digest
from auditor.helm.dry_run import DryRun
from auditor.model.action import UpgradeRelease
from auditor.model.kubernetes import DEPLOYMENTS, SECRETS, SERVICE_ACCOUNTS, Resource
from auditor.model.outcome import State
from tests.apply.fake_helm import quiet, record_secret, tools_for
from tests.steps import edit, upgrade

VALUES = {"config": {"Git": {"Password": "s3cretvalue"}}, "old": 1}


def action(**fields: Any) -> UpgradeRelease:
    return upgrade("pm", revision=1, **{"values_digest": values_digest(VALUES), **fields})


@dataclass
class Cluster:
    """Helm's records of release posit/pm as (status, chart version, values), the Deployment and its account."""

    revisions: list[tuple[str, str, dict[str, Any]]] = field(default_factory=lambda: [("deployed", "0.3.9", VALUES)])
    accounts: set[str] = field(default_factory=lambda: {"default"})
    account: str = ""
    ready: list[bool] = field(default_factory=lambda: [True])
    calls: list[str] = field(default_factory=list)
    patches: list[dict[str, Any]] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    fails: bool = False
    interrupted: bool = False
    program: str = "helm"
    time: float = 0.0

    def list(self, resource: Resource, namespace: str, **_: Any) -> Iterator[dict[str, Any]]:
        if resource == SECRETS:
            for number in range(1, len(self.revisions) + 1):
                yield {"metadata": {"name": f"v{number}", "labels": {"version": str(number)}}}
        if resource == SERVICE_ACCOUNTS:
            yield from ({"metadata": {"name": name}} for name in sorted(self.accounts))
        if resource == DEPLOYMENTS:
            ready = int(self.ready.pop(0) if len(self.ready) > 1 else self.ready[0])
            yield {
                "kind": "Deployment",
                "metadata": {
                    "name": "pm",
                    "namespace": "posit",
                    "uid": "u",
                    "annotations": {
                        "meta.helm.sh/release-name": "pm",
                        "meta.helm.sh/release-namespace": "posit",
                    },
                },
                "spec": {"replicas": 1, "template": {"spec": {"serviceAccountName": self.account}}},
                "status": {
                    "observedGeneration": 1,
                    "replicas": 1,
                    "updatedReplicas": 1,
                    "readyReplicas": ready,
                    "availableReplicas": ready,
                },
            }

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        number = int(name.rsplit(".v", 1)[1])
        if number > len(self.revisions):
            raise NotFound("no such Secret")
        status, version, values = self.revisions[number - 1]
        return record_secret(number, status=status, chart="rstudio-pm", version=version, values=values)

    def patch(self, _resource: Resource, _namespace: str, _name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.patches.append(body)
        return body

    def allowed(self, *_: Any) -> bool:
        return True

    def dry_run(self, *_: Any, **__: Any) -> DryRun:
        self.calls.append("dry run")
        return DryRun(hooks=(), objects=())

    def template(self, *_: Any, **__: Any) -> str:
        return ""

    def upgrade(self, *_: Any, values: bytes, hooks: bool, **__: Any) -> None:
        self.calls.append("upgrade with hooks" if hooks else "upgrade")
        self.given = yaml.safe_load(values)
        self.accounts, self.account = {"default", "pm"}, "pm"
        self.revisions.append(("failed" if self.fails else "deployed", "0.20.4", self.given))
        if self.fails:
            raise HelmError("helm upgrade pm failed: timed out")

    def rollback(self, _namespace: str, _release: str, revision: int, **_: Any) -> None:
        self.calls.append(f"rollback to {revision}")
        self.accounts = {"default"}  # the account goes; the Deployment goes on naming it
        self.revisions.append(("deployed", *self.revisions[revision - 1][1:]))
        if self.interrupted:
            raise KeyboardInterrupt


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Tools:
    return tools_for(cluster, tmp_path)


def test_helm_gets_the_values_edited_then_migrated_then_set(cluster: Cluster, tools: Tools) -> None:
    wanted = action(edits=(edit("delete", "old"),), settings=(edit("set", "enableMigration", value=False),))
    assert upgrade_release.act(wanted, tools, quiet).state is State.DONE
    assert cluster.given == {"config": {"Git": {"Password": "s3cretvalue"}}, "enableMigration": False}
    assert cluster.calls == ["dry run", "upgrade"]


def test_a_failing_upgrade_is_rolled_back_and_its_pods_can_start(cluster: Cluster, tools: Tools) -> None:
    cluster.fails = True
    with pytest.raises(ActionFailed, match=r"timed out.*rolled back to revision 1"):
        upgrade_release.act(action(), tools, quiet)
    (body,) = cluster.patches
    assert body["spec"]["template"]["spec"] == {"serviceAccountName": None, "serviceAccount": None}


def test_a_deployment_whose_account_stays_is_left_alone(cluster: Cluster, tools: Tools) -> None:
    upgrade_release.act(action(), tools, quiet)
    cluster.account = "default"
    assert upgrade_release.undo(action(), tools, quiet).state is State.DONE
    assert cluster.patches == []


def test_a_server_that_does_not_get_ready_is_rolled_back(cluster: Cluster, tools: Tools) -> None:
    cluster.ready = [True, False]
    with pytest.raises(ActionFailed, match="did not get ready"):
        upgrade_release.act(action(), tools, quiet)
    assert cluster.calls[-1] == "rollback to 1"


def test_a_server_that_was_not_ready_before_is_not_waited_for(cluster: Cluster, tools: Tools) -> None:
    cluster.ready = [True, False]
    assert upgrade_release.act(action(wait=False), tools, quiet).state is State.DONE


def test_a_missing_chart_refuses_the_plan(cluster: Cluster, tools: Tools) -> None:
    with pytest.raises(HelmError, match=r"0\.5\.0 is needed and was not found"):
        upgrade_release.rehearse(action(to_version="0.5.0"), tools)


def test_what_only_a_person_can_decide_is_refused_without_a_value(cluster: Cluster, tools: Tools) -> None:
    values = {"launcher": {"enabled": False}, "config": {"Postgres": {"Password": "s3cretvalue"}}}
    cluster.revisions = [("deployed", "0.7.4", values)]
    undecided = action(
        chart="rstudio-connect", from_version="0.7.4", to_version="0.21.0", values_digest=values_digest(values)
    )
    (tools.private / "chart" / "Chart.yaml").write_text("name: rstudio-connect\nversion: 0.21.0\n")
    with pytest.raises(PlanRefused, match="a person's decision") as refused:
        upgrade_release.rehearse(undecided, tools)
    assert "s3cretvalue" not in str(refused.value)


def test_a_release_at_the_target_is_as_planned(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("deployed", "0.20.4", {}))
    assert "is at chart rstudio-pm 0.20.4" in upgrade_release.check(action(), tools)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values_digest": "1" * 64}, "the plan was made for revision 1"),
        ({"revision": 7}, "the plan was made for revision 7"),
        ({"made_by": "0.0.1"}, "made by posit-audit 0.0.1"),
        ({"catalog": "c0ffee" * 10}, r"with rows of --catalog \(sha256 c0ffeec0ffee\), and this run is made without"),
    ],
)
def test_a_plan_for_other_values_or_by_another_version_is_stale(
    cluster: Cluster, tools: Tools, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(PlanIsStale, match=says):
        upgrade_release.check(upgrade("pm", **{"revision": 1, "values_digest": values_digest(VALUES), **change}), tools)


def test_a_release_that_helm_works_on_is_refused(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions = [("pending-upgrade", "0.3.9", VALUES)]
    with pytest.raises(PlanRefused, match="pending-upgrade"):
        upgrade_release.check(action(), tools)


def test_a_release_that_is_changed_between_check_and_act_is_left_alone(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("deployed", "0.3.9", {"mine": 1}))
    with pytest.raises(PlanIsStale, match="is at revision 2 now"):
        upgrade_release.act(action(), tools, quiet)
    assert cluster.calls == []


def test_undo_goes_back_once(cluster: Cluster, tools: Tools) -> None:
    upgrade_release.act(action(), tools, quiet)
    assert upgrade_release.undo(action(), tools, quiet).state is State.DONE
    assert upgrade_release.undo(action(), tools, quiet).state is State.ALREADY
    assert cluster.calls.count("rollback to 1") == 1


def test_undo_of_an_upgrade_that_was_killed_half_way(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("pending-upgrade", "0.20.4", VALUES))
    assert upgrade_release.undo(action(), tools, quiet).state is State.DONE


def test_undo_goes_on_with_a_rollback_that_was_cut_off(cluster: Cluster, tools: Tools) -> None:
    upgrade_release.act(action(), tools, quiet)
    cluster.revisions.append(("pending-rollback", "0.3.9", VALUES))
    assert upgrade_release.undo(action(), tools, quiet).state is State.DONE
    assert cluster.calls[-1] == "rollback to 1"


@pytest.mark.parametrize(
    "since",
    [
        [("deployed", "0.21.0", VALUES)],
        [("deployed", "0.20.4", VALUES), ("pending-rollback", "0.3.9", {"mine": 1})],
        [("deployed", "0.20.4", VALUES), ("pending-upgrade", "0.3.9", VALUES)],
        [("deployed", "0.20.4", VALUES), ("superseded", "0.21.0", VALUES), ("pending-rollback", "0.3.9", VALUES)],
    ],
)
def test_undo_keeps_away_from_an_operation_of_somebody_else(
    cluster: Cluster, tools: Tools, since: list[tuple[str, str, dict[str, Any]]]
) -> None:
    cluster.revisions += since
    with pytest.raises(PlanRefused, match=r"pending|changed by somebody else"):
        upgrade_release.undo(action(), tools, quiet)
    assert cluster.calls == []


def test_an_interrupt_of_a_rollback_leaves_no_deployment_without_its_account(cluster: Cluster, tools: Tools) -> None:
    """Helm came to its end first, so that undo finds the release as it was and would not look again."""
    upgrade_release.act(action(), tools, quiet)
    cluster.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        upgrade_release.undo(action(), tools, quiet)
    assert len(cluster.patches) == 1
    assert upgrade_release.undo(action(), tools, quiet).state is State.ALREADY


def test_a_revision_that_failed_at_the_target_is_not_as_planned(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("failed", "0.20.4", {}))
    with pytest.raises(PlanRefused, match=r"failed at revision 2.*helm rollback pm 1 --namespace posit"):
        upgrade_release.check(action(), tools)


def test_undo_leaves_what_somebody_else_did_since(cluster: Cluster, tools: Tools) -> None:
    upgrade_release.act(action(), tools, quiet)
    cluster.revisions.append(("deployed", "0.20.4", {"mine": 1}))
    with pytest.raises(PlanRefused, match="changed by somebody else"):
        upgrade_release.undo(action(), tools, quiet)
