"""Fields are handed back, and given again, by edits of managedFields; on a fake API server. The real one is in
tests/cluster/test_helm_versions.py."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply import managed_fields
from auditor.apply.actions import hand_back_fields as performer
from auditor.errors import Conflict, NotFound, PlanIsStale, PlanRefused
from auditor.model.action import HandBackFields
from auditor.model.kubernetes import DEPLOYMENTS, Resource
from auditor.model.outcome import State
from auditor.names.fields import masked
from tests.apply.fake_helm import quiet
from tests.builders import held_field

HELM = {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {"f:paused": {}}}}


def kubectl(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "manager": "kubectl",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "subresource": "scale",
        "fieldsV1": {"f:spec": fields},
    }


HELD = held_field(subresource="scale")
ACTION = HandBackFields(object=HELD.object, uid="workload-uid", fields=(HELD,))


@dataclass
class Cluster:
    """One Deployment, whose resourceVersion goes up with each change; `faster`: how often another client is first."""

    replicas: int = 3
    entries: list[dict[str, Any]] = field(default_factory=lambda: [HELM, kubectl({"f:replicas": {}, "f:other": {}})])
    uid: str = "workload-uid"
    version: int = 7
    gone: bool = False
    faster: int = 0
    dry: int = 0

    def get(self, resource: Resource, *_: str) -> dict[str, Any]:
        assert resource == DEPLOYMENTS
        if self.gone:
            raise NotFound("no such Deployment")
        metadata = {
            "namespace": "posit",
            "name": "rstudio-pm",
            "uid": self.uid,
            "resourceVersion": str(self.version),
            "managedFields": copy.deepcopy(self.entries),
        }
        return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": self.replicas}}

    def patch(self, resource: Resource, *where: str, dry_run: bool = False) -> dict[str, Any]:
        body: Any = where[2]
        if self.faster:
            self.faster -= 1
            self.version += 1
        metadata = body["metadata"]
        if (metadata["uid"], metadata["resourceVersion"]) != (self.uid, str(self.version)):
            raise Conflict("the object has been modified")
        if dry_run:
            self.dry += 1
            return self.get(resource)
        self.version += 1
        if "managedFields" in metadata:
            self.entries = metadata["managedFields"]
        if "spec" in body:
            self.replicas = body["spec"]["replicas"]
            self.entries.append(
                {"manager": "posit-audit", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
            )
        return self.get(resource)

    def holders(self) -> list[str]:
        return [one["manager"] for one in self.entries if "f:replicas" in one["fieldsV1"].get("f:spec", {})]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster) -> Any:
    return SimpleNamespace(reader=cluster, writer=cluster)


def test_the_field_is_held_by_nobody_and_keeps_its_value(cluster: Cluster, tools: Any) -> None:
    assert performer.check(ACTION, tools) == ""
    performer.rehearse(ACTION, tools)
    assert (cluster.dry, cluster.holders()) == (1, ["kubectl"])
    effect = performer.act(ACTION, tools, quiet)
    assert (effect.state, cluster.holders(), cluster.replicas) == (State.DONE, [], 3)
    assert cluster.entries == [HELM, kubectl({"f:other": {}})]
    assert "No other manager holds" in performer.check(ACTION, tools)


def test_an_entry_that_holds_nothing_more_is_gone(cluster: Cluster, tools: Any) -> None:
    cluster.entries = [HELM, kubectl({"f:replicas": {}})]
    performer.act(ACTION, tools, quiet)
    assert cluster.entries == [HELM]


def test_another_client_that_is_faster_is_no_reason_to_give_up(cluster: Cluster, tools: Any) -> None:
    """A Deployment's status changes all the time."""
    cluster.faster = 3
    performer.act(ACTION, tools, quiet)
    assert cluster.holders() == []


def test_it_gives_up_in_the_end(cluster: Cluster, tools: Any) -> None:
    cluster.faster = 99
    with pytest.raises(Conflict):
        performer.act(ACTION, tools, quiet)


def test_what_was_scaled_again_needs_another_plan(cluster: Cluster, tools: Any) -> None:
    cluster.replicas = 5
    with pytest.raises(PlanIsStale, match="another value"):
        performer.check(ACTION, tools)
    with pytest.raises(PlanIsStale, match="another value"):
        performer.act(ACTION, tools, quiet)
    assert cluster.holders() == ["kubectl"]


def test_an_object_that_was_re_created_is_left_alone(cluster: Cluster, tools: Any) -> None:
    cluster.uid = "another"
    with pytest.raises(PlanIsStale, match="re-created"):
        performer.check(ACTION, tools)
    assert performer.undo(ACTION, tools, quiet).state is State.ALREADY
    cluster.gone = True
    with pytest.raises(PlanIsStale, match="no longer exists"):
        performer.check(ACTION, tools)
    assert performer.undo(ACTION, tools, quiet).state is State.ALREADY


def test_a_kept_plan_about_another_kind_is_refused(tools: Any) -> None:
    action = HandBackFields(object=HELD.object, uid="u", fields=(held_field(api_version="v1"),))
    with pytest.raises(PlanRefused, match="no object of the charts"):
        performer.check(action, tools)


@pytest.mark.parametrize("since", [3, 1], ids=["before an upgrade", "after Helm set its value"])
def test_undo_gives_hold_and_value_again(cluster: Cluster, tools: Any, since: int) -> None:
    before = copy.deepcopy(cluster.entries)
    performer.act(ACTION, tools, quiet)
    cluster.replicas = since
    cluster.faster = 2
    assert performer.undo(ACTION, tools, quiet).state is State.DONE
    assert (cluster.replicas, cluster.holders()) == (3, ["kubectl"])
    assert cluster.entries == before
    assert performer.undo(ACTION, tools, quiet).state is State.ALREADY


def test_undo_makes_an_entry_that_is_gone(cluster: Cluster, tools: Any) -> None:
    cluster.entries = [HELM, kubectl({"f:replicas": {}})]
    performer.act(ACTION, tools, quiet)
    performer.undo(ACTION, tools, quiet)
    (made,) = [one for one in cluster.entries if one["manager"] == "kubectl"]
    assert made == kubectl({"f:replicas": {}}) | {"fieldsType": "FieldsV1"}


def test_undo_leaves_what_another_client_set_since(cluster: Cluster, tools: Any) -> None:
    performer.act(ACTION, tools, quiet)
    cluster.replicas = 9
    with pytest.raises(PlanRefused, match="another value by another client"):
        performer.undo(ACTION, tools, quiet)
    assert (cluster.replicas, cluster.holders()) == (9, [])


def test_the_last_entry_is_never_taken_away() -> None:
    """An empty list changes nothing, and [{}] would make the API server forget every manager."""
    body = {"metadata": {"managedFields": [kubectl({"f:replicas": {}})]}}
    assert managed_fields.without(body, [HELD.path], lambda _: True) is None


SECRET_KEY = "S3cr3tC4nary"
ANNOTATED = {"f:metadata": {"f:annotations": {f"f:{SECRET_KEY}": {}}}}


def annotated(**more: Any) -> dict[str, Any]:
    return {"manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {**ANNOTATED, **more}}


MASKED = masked(held_field(path=("f:metadata", "f:annotations", f"f:{SECRET_KEY}"), shown=False))
OF_MASKED = HandBackFields(object=MASKED.object, uid="workload-uid", fields=(MASKED,))


def test_a_maps_key_that_the_plan_does_not_hold_is_found_again() -> None:
    assert SECRET_KEY not in repr(OF_MASKED)
    cluster = Cluster(entries=[copy.deepcopy(HELM), annotated()])
    tools: Any = SimpleNamespace(reader=cluster, writer=cluster)
    performer.rehearse(OF_MASKED, tools)
    done = performer.act(OF_MASKED, tools, quiet)
    assert SECRET_KEY not in done.message
    assert not [entry for entry in cluster.entries if entry["manager"] == "kubectl"]
    cluster.entries[0]["fieldsV1"] |= ANNOTATED  # as Helm holds it after its upgrade
    assert performer.undo(OF_MASKED, tools, quiet).state is State.DONE
    assert [entry["fieldsV1"] for entry in cluster.entries if entry["manager"] == "kubectl"] == [ANNOTATED]


def test_two_keys_that_look_alike_are_not_chosen_from() -> None:
    both = {"f:metadata": {"f:annotations": {f"f:{SECRET_KEY}": {}, "f:0therS3cr3t": {}}}}
    cluster = Cluster(entries=[HELM, annotated(**both)])
    with pytest.raises(PlanIsStale, match=r"\.metadata\.annotations\.\*{4}, whose name is withheld, is not clear"):
        performer.check(OF_MASKED, SimpleNamespace(reader=cluster, writer=cluster))  # type: ignore[arg-type]
