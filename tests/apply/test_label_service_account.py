"""Labelling a service account where the answer gets lost; what goes right is in tests/cluster."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply.actions import label_service_account
from auditor.apply.field_managers import managers_of_label
from auditor.errors import ActionFailed, Conflict, Forbidden, NotFound, PlanIsStale, PlanRefused
from auditor.model.action import LabelServiceAccount
from auditor.model.kubernetes import JOBS, Access, ObjectRef, Resource
from auditor.model.outcome import State
from tests.apply.fake_helm import quiet
from tests.steps import label

ACTION = label()


class Cluster:
    """One account. Answers to `losses` requests that were done are lost: they are sent again, as the writer does.
    `fails`: with what the next request ends, if not with an answer."""

    def __init__(self, losses: int = 0) -> None:
        self.losses, self.version, self.value = losses, 11, ""
        self.uid = ACTION.uid
        self.managers: list[str] = []
        self.operation = "Update"
        self.gone = False
        self.tracked = True
        self.used: list[str] = []
        self.removes = False

    def get(self, *_: Any) -> dict[str, Any]:
        if self.gone:
            raise NotFound("gone")
        held = {"f:metadata": {"f:labels": {f"f:{ACTION.key}": {}}}}
        return {
            "metadata": {
                "uid": self.uid,
                "resourceVersion": str(self.version),
                "labels": {ACTION.key: self.value} if self.value else {},
                "managedFields": [
                    *([{"manager": "templates", "fieldsV1": {}}] if self.tracked else []),
                    *({"manager": each, "operation": self.operation, "fieldsV1": held} for each in self.managers),
                ],
            }
        }

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        if self.gone:
            raise NotFound("gone")
        self.used.append("patch")
        return self._change(body["metadata"])

    def apply(self, resource: Resource, body: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        assert not self.tracked, "a conflict with the manager of the empty map"
        self.used.append("apply")
        return self._change(body["metadata"])

    def _change(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        if (metadata["uid"], metadata["resourceVersion"]) != (self.uid, str(self.version)):
            raise Conflict("it was changed meanwhile")
        self.version += 1
        if not self.removes:
            self.value = metadata["labels"][ACTION.key] or ""
            self.managers = ["posit-audit"] if self.value else []
        if self.losses:
            self.losses -= 1
            return self._change(metadata)
        return self.get()


def tools(cluster: Cluster) -> Any:
    return SimpleNamespace(reader=cluster, writer=cluster)


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("losses", [0, 1])
def test_our_own_change_is_not_taken_for_somebody_elses(losses: int, tracked: bool) -> None:
    cluster = Cluster(losses)
    cluster.tracked = tracked
    first = "patch" if tracked else "apply"
    assert label_service_account.act(ACTION, tools(cluster), quiet).state is State.DONE
    cluster.losses = losses
    assert label_service_account.undo(ACTION, tools(cluster), quiet).state is State.DONE
    assert not cluster.value
    assert cluster.used == [first, "patch"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 12}, "was changed"),
        ({"version": 12, "value": "true", "managers": ["kubectl"]}, "was changed"),
        ({"version": 12, "value": "true", "managers": ["kubectl", "posit-audit"]}, "was changed"),
        ({"version": 12, "value": "true", "managers": []}, "was changed"),
        ({"version": 12, "value": "other", "managers": ["posit-audit"]}, "was changed"),
        ({"version": 12, "uid": "another"}, "created again"),
        ({"gone": True}, "no longer exists"),
    ],
)
def test_an_account_that_somebody_else_changed_is_stale(change: dict[str, Any], words: str) -> None:
    cluster = Cluster()
    vars(cluster).update(change)
    with pytest.raises(PlanIsStale, match=words):
        label_service_account.act(ACTION, tools(cluster), quiet)


def test_a_label_that_something_in_the_cluster_removes_at_once_is_no_success() -> None:
    cluster = Cluster()
    cluster.removes = True
    with pytest.raises(ActionFailed, match="removes it"):
        label_service_account.act(ACTION, tools(cluster), quiet)


@pytest.mark.parametrize("operation", ["Apply", "Update"])
def test_what_an_earlier_version_applied_is_ours_as_well(operation: str) -> None:
    cluster = Cluster()
    vars(cluster).update(value="true", managers=["posit-audit"], operation=operation)
    assert label_service_account.undo(ACTION, tools(cluster), quiet).state is State.DONE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": "other", "managers": ["posit-audit"]}, "to another value by another client"),
        ({"value": "other", "managers": ["argocd"]}, "to another value by field manager argocd"),
        ({"value": "true", "managers": ["posit-audit", "argocd"]}, "was set by field manager argocd"),
        ({"value": "true", "managers": ["argocd"]}, "was set by field manager argocd"),
        ({"value": "true", "managers": []}, "was set by another client.*kubectl label serviceaccount content"),
        ({"value": "true", "managers": [], "tracked": False}, "was set by another client"),
    ],
)
def test_a_label_that_another_manager_set_stays_and_is_reported(change: dict[str, Any], words: str) -> None:
    cluster = Cluster()
    vars(cluster).update(change)
    with pytest.raises(PlanRefused, match=words):
        label_service_account.undo(ACTION, tools(cluster), quiet)
    assert cluster.value == change["value"]


@pytest.mark.parametrize("change", [{"gone": True}, {"uid": "another", "value": "true"}, {"value": ""}])
def test_what_is_gone_is_not_removed_again(change: dict[str, Any]) -> None:
    cluster = Cluster()
    vars(cluster).update(change)
    assert label_service_account.undo(ACTION, tools(cluster), quiet).state is State.ALREADY


def test_an_account_that_changes_while_the_label_is_removed_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    vars(cluster).update(value="true", managers=["posit-audit"])

    def faster(*_: Any, **__: Any) -> None:
        raise Conflict("it was changed meanwhile")

    monkeypatch.setattr(cluster, "patch", faster)
    with pytest.raises(PlanRefused, match=r"was changed while the label was removed.*Run undo again"):
        label_service_account.undo(ACTION, tools(cluster), quiet)


@pytest.mark.parametrize(
    "fields",
    [None, "f", {"f:metadata": None}, {"f:metadata": []}, {"f:metadata": {"f:labels": "x"}}, {"f:metadata": {}}],
)
def test_managed_fields_of_any_shape_are_read(fields: Any) -> None:
    body = {"metadata": {"managedFields": [{"manager": "x", "fieldsV1": fields}, {}]}}
    assert managers_of_label(body, ACTION.key) == frozenset()


class Reach(Cluster):
    """Where the accounts of `able` are allowed to start content; None: who asks is not allowed to."""

    def __init__(self, able: tuple[str, ...] | None) -> None:
        super().__init__()
        self.able = able

    def list(self, *_: Any) -> list[dict[str, Any]]:
        return []

    def granted(self, account: ObjectRef, access: Access, verb: str, namespace: str) -> bool:
        assert (access.resource, verb, namespace) == (JOBS, "create", ACTION.account.namespace)
        if self.able is None:
            raise Forbidden("You may not create localsubjectaccessreviews.")
        return account.name in self.able


def far(*servers: str, **fields: Any) -> LabelServiceAccount:
    return label(servers=tuple(ObjectRef("ServiceAccount", "elsewhere", name) for name in servers), **fields)


@pytest.mark.parametrize("able", [("one",), ("other",)])
def test_one_server_that_may_run_content_there_is_enough(able: tuple[str, ...]) -> None:
    assert label_service_account.check(far("one", "other"), tools(Reach(able))) == ""


@pytest.mark.parametrize(
    ("able", "why"),
    [
        ((), r"elsewhere/one may not create jobs in namespace.*--unsafe"),
        (None, r"is unknown: You may not create local"),
    ],
)
def test_an_account_of_another_namespace_is_refused(able: tuple[str, ...] | None, why: str) -> None:
    with pytest.raises(PlanRefused, match=why):
        label_service_account.check(far("one"), tools(Reach(able)))
    assert label_service_account.check(far("one", vouched=True), tools(Reach(able))) == ""


def test_a_plan_that_names_no_server_is_stale() -> None:
    with pytest.raises(PlanIsStale, match="does not say whose content"):
        label_service_account.check(far(), tools(Reach(())))


def test_an_account_of_kubernetes_itself_is_never_labelled() -> None:
    with pytest.raises(PlanRefused, match="namespace of Kubernetes itself"):
        label_service_account.check(label(namespace="kube-system", vouched=True), tools(Reach(())))
