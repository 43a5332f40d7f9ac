"""An upgrade of a release that Helm applies on the API server's side, with other field managers in its way; told with
a fake Helm and API server. The real ones are in tests/cluster/test_helm_versions.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from auditor.apply.actions import patch_values, upgrade_release
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, HelmError, PlanRefused
from auditor.helm.decode import values_digest
from auditor.helm.dry_run import DryRun
from auditor.model.action import PatchValues, UpgradeRelease
from auditor.model.held import HeldField
from auditor.model.kubernetes import SECRETS, Resource
from auditor.model.outcome import State
from auditor.model.seen import Withheld
from tests.apply.fake_helm import quiet, record_secret, tools_for
from tests.builders import held_field, object_ref
from tests.steps import edit, patch, upgrade

VALUES = {"a": 1}
HELD = held_field(object=object_ref("Deployment", "pm"), subresource="scale")
UNKNOWN = held_field(object=object_ref("Deployment", "pm"), manager="our-operator")
MANIFEST = json.dumps(
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "pm"}, "spec": {"replicas": 1}}
)


def action(**fields: Any) -> UpgradeRelease:
    return upgrade("pm", revision=1, wait=False, values_digest=values_digest(VALUES), **fields)


@dataclass
class Cluster:
    """Release posit/pm. `holders`: who holds the replicas of its Deployment; a race puts `late` there."""

    apply_method: str = "ssa"
    version: Version = field(default_factory=lambda: Version("4.3"))
    holders: list[str] = field(default_factory=list)
    late: str = ""
    nameless: bool = False
    revisions: list[tuple[str, str]] = field(default_factory=lambda: [("deployed", "0.3.9")])
    calls: list[str] = field(default_factory=list)
    applied: list[dict[str, Any]] = field(default_factory=list)
    program: str = "helm"
    time: float = 0.0

    def list(self, resource: Resource, *_: Any, **__: Any) -> Iterator[dict[str, Any]]:
        for number in range(1, len(self.revisions) + 1) if resource == SECRETS else ():
            yield {"metadata": {"name": f"v{number}", "labels": {"version": str(number)}}}

    def get(self, resource: Resource, _namespace: str, name: str) -> dict[str, Any]:
        if resource == SECRETS:
            number = int(name.rsplit(".v", 1)[1])
            status, version = self.revisions[number - 1]
            return record_secret(
                number,
                status=status,
                chart="rstudio-pm",
                version=version,
                values=VALUES,
                manifest=MANIFEST,
                apply_method=self.apply_method,
            )
        owned = {"f:spec": {"f:replicas": {}}}
        entries = [{"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {"f:x": {}}}}]
        entries += [{"manager": one, "operation": "Update", "fieldsV1": owned} for one in self.holders]
        metadata = {"namespace": "posit", "name": "pm", "uid": "u", "resourceVersion": "7", "managedFields": entries}
        metadata["annotations"] = {"meta.helm.sh/release-name": "pm", "meta.helm.sh/release-namespace": "posit"}
        return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 3}}

    def apply(self, resource: Resource, body: dict[str, Any], *, dry_run: bool, manager: str) -> dict[str, Any]:
        assert (dry_run, manager) == (True, "helm")
        self.applied.append(body)
        if self.nameless:
            raise Conflict("it is being deleted (409).")
        if self.holders:
            raise Conflict("409", holders=tuple((".spec.replicas", one) for one in self.holders))
        return body

    def patch(self, _resource: Resource, _namespace: str, _name: str, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        entries = body["metadata"]["managedFields"]
        self.holders = [one["manager"] for one in entries if "f:replicas" in one["fieldsV1"]["f:spec"]]
        self.calls.append("hand back")
        return body

    def allowed(self, *_: Any) -> bool:
        return True

    def dry_run(self, *_: Any, **__: Any) -> DryRun:
        return DryRun(hooks=(), objects=(), manifest=Withheld(MANIFEST))

    def template(self, *_: Any, **__: Any) -> str:
        return MANIFEST

    def upgrade(self, *_: Any, force_conflicts: bool, **__: Any) -> None:
        self.calls.append("upgrade by force" if force_conflicts else "upgrade")
        self.holders = [self.late] if self.late else [] if force_conflicts else self.holders
        self.revisions.append(("failed" if self.holders else "deployed", "0.20.4"))
        if self.holders:
            raise HelmError("helm upgrade pm failed: Apply failed with 1 conflict.")

    def rollback(self, *_: Any, **__: Any) -> None:
        assert not self.holders, "it would fail too"
        self.calls.append("rollback")
        self.revisions.append(("deployed", "0.3.9"))


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Tools:
    return tools_for(cluster, tmp_path)


def test_the_objects_are_rehearsed_as_helm_sends_them(cluster: Cluster, tools: Tools) -> None:
    upgrade_release.rehearse(action(), tools)
    (sent,) = cluster.applied
    assert sent["metadata"] == {
        "namespace": "posit",
        "name": "pm",
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "pm", "meta.helm.sh/release-namespace": "posit"},
    }


def test_a_conflict_that_the_plan_does_not_list_refuses_it(cluster: Cluster, tools: Tools) -> None:
    cluster.holders = ["kubectl"]
    for refused in (upgrade_release.rehearse, lambda *given: upgrade_release.act(*given, quiet)):
        with pytest.raises(PlanRefused, match=r"\.spec\.replicas of Deployment posit/pm \(manager kubectl\)"):
            refused(action(), tools)
    assert cluster.calls == []


def test_a_conflict_without_a_field_is_not_passed_over(cluster: Cluster, tools: Tools) -> None:
    cluster.nameless = True
    with pytest.raises(Conflict, match="being deleted"):
        upgrade_release.rehearse(action(), tools)


def test_one_that_a_step_before_hands_back_is_none_yet(cluster: Cluster, tools: Tools) -> None:
    cluster.holders = ["kubectl"]
    upgrade_release.rehearse(action(handed_back=(HELD,)), tools)
    cluster.holders = []
    assert upgrade_release.act(action(handed_back=(HELD,)), tools, quiet).state is State.DONE
    cluster.revisions.pop()
    cluster.holders = ["kubectl"]
    with pytest.raises(PlanRefused, match="manager kubectl"):
        upgrade_release.act(action(handed_back=(HELD,)), tools, quiet)


@pytest.mark.parametrize(
    ("holders", "refusal"),
    [(["our-operator"], ""), ([], "no longer there"), (["our-operator", "kubectl"], "manager kubectl")],
    ids=["exactly these", "fewer", "more"],
)
def test_helm_overrules_exactly_what_the_plan_lists(
    cluster: Cluster, tools: Tools, holders: list[str], refusal: str
) -> None:
    cluster.holders = holders
    wanted = action(overruled=(UNKNOWN,))
    if refusal:
        with pytest.raises(PlanRefused, match=refusal):
            upgrade_release.act(wanted, tools, quiet)
        assert cluster.calls == []
        return
    assert upgrade_release.act(wanted, tools, quiet).state is State.DONE
    assert cluster.calls == ["upgrade by force"]


def test_a_patch_of_values_is_no_exception(cluster: Cluster, tools: Tools) -> None:
    cluster.revisions, cluster.holders = [("deployed", "0.20.4")], ["kubectl"]
    fields: dict[str, Any] = {"release": "pm", "revision": 1, "values_digest": values_digest(VALUES)}
    wanted: PatchValues = patch(edit("set", "a", value=2), **fields)
    with pytest.raises(PlanRefused, match="manager kubectl"):
        patch_values.rehearse(wanted, tools)
    held: tuple[HeldField, ...] = (HELD,)
    patch_values.rehearse(patch(edit("set", "a", value=2), **fields, handed_back=held), tools)


def test_who_scales_it_in_the_middle_does_not_leave_it_failed(cluster: Cluster, tools: Tools) -> None:
    cluster.late = "kubectl"
    with pytest.raises(ActionFailed, match="rolled back to revision 1"):
        upgrade_release.act(action(), tools, quiet)
    assert cluster.calls == ["upgrade", "hand back", "rollback"]
    assert cluster.revisions[-1] == ("deployed", "0.3.9")


def test_a_controller_that_takes_it_in_the_middle_is_named(cluster: Cluster, tools: Tools) -> None:
    cluster.late = "argocd-controller"
    with pytest.raises(ActionFailed, match=r"Rolling back failed too.*argocd-controller"):
        upgrade_release.act(action(), tools, quiet)
    assert cluster.calls == ["upgrade"]


def test_an_undo_that_would_conflict_changes_nothing(cluster: Cluster, tools: Tools) -> None:
    upgrade_release.act(action(), tools, quiet)
    cluster.holders = ["kubectl"]
    with pytest.raises(PlanRefused, match=r"The rollback of release posit/pm would conflict"):
        upgrade_release.undo(action(), tools, quiet)
    assert cluster.calls == ["upgrade"]


def test_helm_3_changes_no_release_of_helm_4(cluster: Cluster, tools: Tools) -> None:
    cluster.version = Version("3.21.4")
    for refused in (upgrade_release.rehearse, lambda *given: upgrade_release.act(*given, quiet)):
        with pytest.raises(PlanRefused, match=r"Helm 3\.21\.4 can't change release posit/pm.*--helm FILE"):
            refused(action(), tools)
    cluster.revisions.append(("deployed", "0.20.4"))
    with pytest.raises(PlanRefused, match="apply_method ssa"):
        upgrade_release.undo(action(), tools, quiet)
    assert cluster.calls == []


@pytest.mark.parametrize("version", ["3.21.4", "4.3"])
def test_a_release_of_helm_3_is_nobodys_concern(cluster: Cluster, tools: Tools, version: str) -> None:
    cluster.apply_method, cluster.version, cluster.holders = "", Version(version), []
    assert upgrade_release.act(action(), tools, quiet).state is State.DONE
    assert upgrade_release.undo(action(), tools, quiet).state is State.DONE
    assert cluster.applied == []
