"""What goes wrong while values are patched, told with a fake Helm; what goes right is in tests/cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml

from auditor.apply.actions import patch_values
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, HelmBusy, HelmError, NotFound, PlanIsStale, PlanRefused
from auditor.helm.charts import Charts
from auditor.helm.decode import values_digest
from auditor.helm.dry_run import DryRun, Rendered
from auditor.model.action import PatchValues
from auditor.model.kubernetes import DEPLOYMENTS, SECRETS, SERVICES, Access, ObjectRef, Resource
from auditor.model.outcome import State
from tests.apply.fake_helm import quiet, record_secret, tools_for
from tests.steps import edit, patch

VALUES = {"enableMigrations": True, "password": "s3cretvalue"}
EDIT = edit("rename", "enableMigrations", to="enableMigration")
AFTER = {"enableMigration": True, "password": "s3cretvalue"}


def action(**fields: Any) -> PatchValues:
    return patch(EDIT, release="pm", revision=1, values_digest=values_digest(VALUES), **fields)


@dataclass
class Cluster:
    """Helm's records of release posit/pm, and both Helm and the reader that see them."""

    revisions: list[tuple[str, dict[str, Any]]] = field(default_factory=lambda: [("deployed", VALUES)])
    chart: str = "rstudio-pm"
    versions: dict[int, str] = field(default_factory=dict)
    hooks: tuple[str, ...] = ()
    objects: tuple[Rendered, ...] = ()
    refused: set[tuple[str, str, str]] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    on_dry_run: Callable[[], None] = lambda: None
    on_upgrade: Callable[[], None] = lambda: None
    on_rollback: Callable[[], None] = lambda: None
    marks: dict[str, str] = field(default_factory=dict)
    manifest: str = ""
    ready: list[bool] = field(default_factory=lambda: [True])
    program: str = "helm"
    time: float = 0.0

    # the reader

    def list(self, resource: Resource, namespace: str, **_: Any) -> Iterator[dict[str, Any]]:
        if resource == SECRETS:
            for number in range(1, len(self.revisions) + 1):
                yield {"metadata": {"name": f"v{number}", "labels": {"version": str(number)}}}
        if resource == SERVICES:
            yield {"metadata": {"name": "pm", "labels": self.marks}}
        if resource == DEPLOYMENTS:
            ready = int(self.ready.pop(0) if len(self.ready) > 1 else self.ready[0])
            status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
            annotations = {"meta.helm.sh/release-name": "pm", "meta.helm.sh/release-namespace": "posit"}
            yield {
                "kind": "Deployment",
                "metadata": {"name": "pm", "annotations": annotations},
                "spec": {"replicas": 1},
                "status": {**status, "readyReplicas": ready, "availableReplicas": ready},
            }

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        number = int(name.rsplit(".v", 1)[1])
        if number > len(self.revisions):
            raise NotFound("no such Secret")
        status, values = self.revisions[number - 1]
        version = self.versions.get(number, "0.20.4")
        return record_secret(
            number, status=status, chart=self.chart, version=version, values=values, manifest=self.manifest
        )

    # Helm

    def dry_run(self, *_: Any, **__: Any) -> DryRun:
        self.calls.append("dry run")
        self.on_dry_run()
        return DryRun(hooks=self.hooks, objects=self.objects)

    def template(self, *_: Any, **__: Any) -> str:
        return ""

    # Rights

    connection = SimpleNamespace(identity="This identity")

    def allowed(self, access: Access, verb: str, namespace: str) -> bool:
        return (verb, access.resource.plural, namespace) not in self.refused

    def upgrade(self, *_: Any, values: bytes, hooks: bool, **__: Any) -> None:
        self.calls.append("upgrade with hooks" if hooks else "upgrade")
        self.on_upgrade()
        self.revisions.append(("deployed", AFTER))

    def rollback(self, _namespace: str, _release: str, revision: int, **_: Any) -> None:
        self.calls.append(f"rollback to {revision}")
        self.on_rollback()
        self.revisions.append(("deployed", self.revisions[revision - 1][1]))


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Tools:
    return tools_for(cluster, tmp_path)


def test_a_failing_upgrade_is_rolled_back(cluster: Cluster, tools: Tools) -> None:
    def fail() -> None:
        cluster.revisions.append(("failed", AFTER))
        raise HelmError("helm upgrade pm failed: timed out")

    cluster.on_upgrade = fail
    with pytest.raises(ActionFailed, match=r"timed out.*rolled back to revision 1"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls[-1] == "rollback to 1"


def test_an_upgrade_that_never_began_is_not_rolled_back(cluster: Cluster, tools: Tools) -> None:
    def fail() -> None:
        raise HelmError("helm upgrade pm failed: no connection")

    cluster.on_upgrade = fail
    with pytest.raises(ActionFailed, match="nothing was changed"):
        patch_values.act(action(), tools, quiet)
    assert "rollback to 1" not in cluster.calls


def test_an_upgrade_that_gave_way_to_an_equal_one_changed_nothing_and_rolls_nothing_back(
    cluster: Cluster, tools: Tools
) -> None:
    def lose() -> None:
        cluster.revisions.append(("pending-upgrade", AFTER))
        raise HelmBusy("helm upgrade pm failed: release: already exists.")

    cluster.on_upgrade = lose
    with pytest.raises(PlanRefused, match="already exists"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls == ["dry run", "upgrade"]


@pytest.mark.parametrize(
    ("since", "version"),
    [
        ([("pending-upgrade", {"mine": 1})], "0.20.4"),
        ([("pending-upgrade", AFTER)], "0.21.0"),
        ([("failed", AFTER), ("deployed", AFTER)], "0.20.4"),
    ],
)
def test_a_failing_upgrade_rolls_back_no_revision_of_somebody_else(
    cluster: Cluster, tools: Tools, since: list[tuple[str, dict[str, Any]]], version: str
) -> None:
    def fail() -> None:
        cluster.revisions += since
        cluster.versions[2] = version
        raise HelmError("helm upgrade pm failed: no connection")

    cluster.on_upgrade = fail
    newest = len(since) + 1
    with pytest.raises(ActionFailed, match=f"no connection Revision {newest} of release posit/pm is not ours"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls == ["dry run", "upgrade"]


def test_a_release_that_is_changed_during_the_dry_run_is_left_alone(cluster: Cluster, tools: Tools) -> None:
    cluster.on_dry_run = lambda: cluster.revisions.append(("deployed", {"mine": 1}))
    with pytest.raises(PlanIsStale, match="is at revision 2 now, and the plan was made for revision 1"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls == ["dry run"]


def test_a_release_that_is_changed_between_check_and_act_is_left_alone(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("deployed", {"mine": 1}))
    with pytest.raises(PlanIsStale, match="is at revision 2 now"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls == []


def test_a_failing_rollback_tells_the_command(cluster: Cluster, tools: Tools) -> None:
    def fail() -> None:
        cluster.revisions.append(("failed", AFTER))
        raise HelmError("broken")

    cluster.on_upgrade = cluster.on_rollback = fail
    with pytest.raises(ActionFailed, match="by hand: helm rollback pm 1 --namespace posit"):
        patch_values.act(action(), tools, quiet)


def test_a_workload_that_was_ready_and_stays_unready_is_rolled_back(cluster: Cluster, tools: Tools) -> None:
    cluster.ready = [True, False]
    with pytest.raises(ActionFailed, match=r"Deployment pm: 0 of 1 replicas ready.*rolled back"):
        patch_values.act(action(), tools, quiet)
    assert cluster.time >= tools.rollout_seconds


def test_a_workload_that_was_not_ready_before_is_not_waited_for(cluster: Cluster, tools: Tools) -> None:
    cluster.ready = [False]
    effect = patch_values.act(action(), tools, quiet)
    assert (effect.state, cluster.time) == (State.DONE, 0.0)
    assert "was not ready before" in effect.message


def test_the_charts_own_hook_is_never_run(cluster: Cluster, tools: Tools) -> None:
    cluster.hooks = ("rstudio-pm/templates/post-upgrade-chown-job.yaml",)
    patch_values.act(action(), tools, quiet)
    assert "upgrade" in cluster.calls


def test_a_hook_that_the_catalog_does_not_know_is_refused(cluster: Cluster, tools: Tools) -> None:
    cluster.hooks = ("rstudio-pm/templates/extra-objects.yaml",)
    with pytest.raises(PlanRefused, match=r"Hook rstudio-pm/templates/extra-objects\.yaml is not the chart's own"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls == ["dry run"]


@pytest.mark.parametrize(("status", "says"), [("pending-upgrade", "pending-upgrade"), ("uninstalling", "uninstalling")])
def test_a_release_that_helm_works_on_is_refused(cluster: Cluster, tools: Tools, status: str, says: str) -> None:
    cluster.revisions = [(status, VALUES)]
    with pytest.raises(PlanRefused, match=says):
        patch_values.check(action(), tools)


def test_a_release_that_a_repository_owns_is_refused(cluster: Cluster, tools: Tools) -> None:
    cluster.marks = {"helm.toolkit.fluxcd.io/name": "pm"}
    with pytest.raises(PlanRefused, match="Flux"):
        patch_values.check(action(), tools)


def test_a_release_that_is_gone_or_of_another_chart_is_stale(cluster: Cluster, tools: Tools) -> None:
    cluster.chart = "another"
    with pytest.raises(PlanIsStale, match="is at chart another"):
        patch_values.check(action(), tools)
    cluster.revisions = []
    with pytest.raises(PlanIsStale, match="was uninstalled"):
        patch_values.check(action(), tools)


def test_without_helm_the_values_are_written_for_a_person(cluster: Cluster, tools: Tools, tmp_path: Path) -> None:
    class Missing(Cluster):
        @property
        def program(self) -> str:  # type: ignore[override]
            raise HelmError("The program 'helm' was not found.")

        @program.setter
        def program(self, _: str) -> None:
            pass

    missing: Any = Missing()
    without = Tools(**{**tools.__dict__, "helm": missing, "reader": missing})
    patch_values.rehearse(action(), without)
    with pytest.raises(PlanRefused) as refused:
        patch_values.act(action(), without, quiet)
    file = tmp_path / "posit-audit-posit-pm-values.yaml"
    assert file.read_text() == "password: s3cretvalue\nenableMigration: true\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in str(refused.value)
    assert "s3cretvalue" not in str(refused.value)
    file.write_text("somebody's own")
    with pytest.raises(PlanRefused, match=r"are in .*/posit-audit-posit-pm-values-2\.yaml,"):
        patch_values.act(action(), without, quiet)
    with pytest.raises(PlanRefused, match=r"values-2\.yaml,"):
        patch_values.act(action(), without, quiet)
    assert file.read_text() == "somebody's own"
    for each in tmp_path.glob("*values*"):
        each.unlink()
    in_a_pod = Tools(**{**without.__dict__, "values_folder": None})
    with pytest.raises(PlanRefused, match=r"^The program 'helm' was not found\.$"):
        patch_values.act(action(), in_a_pod, quiet)
    assert not list(tmp_path.glob("*values*"))


def test_without_helm_no_file_is_written_of_values_that_hold_templates(tools: Tools, tmp_path: Path) -> None:
    values = {**VALUES, "pod": {"env": ["{{ lookup }}"]}}
    cluster: Any = Cluster(revisions=[("deployed", values)])
    wanted = patch(EDIT, release="pm", revision=1, values_digest=values_digest(values))
    without = replace(tools, reader=cluster, charts=Charts([], cluster, tmp_path, catalog=None))
    with pytest.raises(PlanRefused, match=r"hold templates.*pod\.env"):
        patch_values.act(wanted, without, quiet)
    assert not list(tmp_path.glob("*values*"))


def test_a_manifest_that_is_rewritten_during_the_dry_run_is_not_upgraded(cluster: Cluster, tools: Tools) -> None:
    cluster.on_dry_run = lambda: setattr(cluster, "manifest", "---\n# more\n")
    with pytest.raises(PlanIsStale, match="stored manifest of release posit/pm was rewritten meanwhile"):
        patch_values.act(action(), tools, quiet)
    assert cluster.calls == ["dry run"]


def test_a_record_that_was_rewritten_since_is_not_rolled_back_to(cluster: Cluster, tools: Tools) -> None:
    rendering = patch_values.rehearse(action(), tools)
    patch_values.act(action(rendering=rendering), tools, quiet)
    cluster.manifest = "---\n# more\n"
    with pytest.raises(PlanRefused, match="revision 1 of release posit/pm was rewritten since"):
        patch_values.undo(action(rendering=rendering), tools, quiet)
    assert "rollback to 1" not in cluster.calls
    cluster.manifest = ""
    assert patch_values.undo(action(rendering=rendering), tools, quiet).state is State.DONE


def test_undo_of_an_upgrade_that_was_killed_half_way(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("pending-upgrade", AFTER))
    assert patch_values.undo(action(), tools, quiet).state is State.DONE
    assert cluster.calls == ["rollback to 1"]


def test_undo_keeps_away_from_an_operation_of_somebody_else(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions += [("superseded", AFTER), ("pending-upgrade", AFTER)]
    with pytest.raises(PlanRefused, match="pending-upgrade"):
        patch_values.undo(action(), tools, quiet)


def test_undo_leaves_a_chart_that_somebody_else_upgraded_since(cluster: Cluster, tools: Tools) -> None:
    patch_values.act(action(), tools, quiet)
    cluster.revisions.append(("deployed", AFTER))
    cluster.versions[3] = "0.21.0"
    with pytest.raises(PlanRefused, match=r"revision 3 is of chart rstudio-pm 0\.21\.0, not 0\.20\.4"):
        patch_values.undo(action(), tools, quiet)
    assert "rollback to 1" not in cluster.calls


def test_undo_goes_on_with_a_rollback_that_was_cut_off(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions += [("deployed", AFTER), ("pending-rollback", VALUES)]
    assert patch_values.undo(action(), tools, quiet).state is State.DONE
    assert cluster.calls == ["rollback to 1"]


def test_values_of_a_revision_that_failed_are_not_as_planned(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions.append(("failed", AFTER))
    with pytest.raises(PlanRefused, match=r"failed at revision 2.*helm rollback pm 1 --namespace posit"):
        patch_values.check(action(), tools)


def test_undo_without_the_old_revision_says_so(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions = [("deployed", AFTER)]
    old = patch(EDIT, release="pm", revision=9, values_digest=values_digest(VALUES))
    with pytest.raises(PlanIsStale, match="no longer keeps revision 9"):
        patch_values.undo(old, tools, quiet)


@pytest.mark.parametrize(
    "lost", [("create", "secrets", "posit"), ("update", "secrets", "posit"), ("get", "roles", "content")]
)
def test_who_lacks_a_right_that_helm_needs_is_refused_before_anything_is_changed(
    cluster: Cluster, tools: Tools, lost: tuple[str, str, str]
) -> None:
    """Helm's own dry run asks for none of them."""
    cluster.objects = (
        Rendered("rbac.authorization.k8s.io/v1", "Role", "content"),
        Rendered("monitoring.coreos.com/v1", "ServiceMonitor", ""),
    )
    patch_values.rehearse(action(), tools)
    cluster.refused = {lost}
    verb, resource, namespace = lost
    with pytest.raises(PlanRefused, match=f"This identity may not {verb} {resource} in namespace {namespace}"):
        patch_values.rehearse(action(), tools)
    assert cluster.calls == ["dry run", "dry run"]


FILE = "2026-12-15_pm_acme_KQ7M-Z2XA-9PLT-04VB-WW3E.lic"
BY_NAME = edit("set", "license.file.secretKey", value="2026-12-15_pm_acme_****.lic")


class WithSecret(Cluster):
    """The reader that sees the license's Secret too."""

    keys: tuple[str, ...] = (FILE,)

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        if name == "license":
            return {"data": {**dict.fromkeys(self.keys, "eA=="), "empty.lic": ""}}
        return super().get(resource, namespace, name)

    def upgrade(self, *_: Any, values: bytes, **__: Any) -> None:
        self.revisions.append(("deployed", yaml.safe_load(values)))


def by_name() -> PatchValues:
    key_of = ObjectRef("Secret", "posit", "license")
    chosen = msgspec.structs.replace(BY_NAME, key_of=key_of)
    return patch(chosen, release="pm", revision=1, values_digest=values_digest(VALUES))


def test_a_name_that_no_plan_holds_is_looked_up_and_undone(tmp_path: Path) -> None:
    cluster = WithSecret()
    tools = tools_for(cluster, tmp_path)
    patch_values.act(by_name(), tools, quiet)
    assert cluster.revisions[-1][1]["license"] == {"file": {"secretKey": FILE}}
    assert patch_values.check(by_name(), tools) == "The values of release posit/pm are as planned."
    cluster.keys = ()  # renewed since under another name, or deleted: undo goes by what is set
    assert patch_values.undo(by_name(), tools, quiet).state is State.DONE
    assert cluster.calls[-1] == "rollback to 1"


@pytest.mark.parametrize("keys", [(), ("a.lic", "b.lic"), ("a", "b")])
def test_a_secret_that_leaves_a_choice_is_not_chosen_from(keys: tuple[str, ...], tmp_path: Path) -> None:
    cluster = WithSecret()
    cluster.keys = keys
    with pytest.raises(PlanIsStale, match="no longer has one key"):
        patch_values.check(by_name(), tools_for(cluster, tmp_path))
