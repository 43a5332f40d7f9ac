"""Labelling a service account where the answer gets lost; what goes right is in tests/cluster."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply.actions import label_service_account
from auditor.errors import Conflict, NotFound
from auditor.model.kubernetes import Resource
from auditor.model.outcome import State
from tests.apply.fake_helm import quiet
from tests.steps import label

ACTION = label()


class Cluster:
    """One account. Answers to `losses` requests that were done are lost: they are sent again, as the writer does."""

    def __init__(self, losses: int = 1) -> None:
        self.losses, self.version, self.labelled, self.manager = losses, 11, False, "posit-audit"
        self.uid = ACTION.uid
        self.gone = False

    def get(self, *_: Any) -> dict[str, Any]:
        if self.gone:
            raise NotFound("gone")
        ours = {"manager": self.manager, "operation": "Apply"}
        fields = {"f:metadata": {"f:labels": {f"f:{ACTION.key}": {}}}}
        return {
            "metadata": {
                "uid": self.uid,
                "resourceVersion": str(self.version),
                "labels": {ACTION.key: ACTION.value} if self.labelled else {},
                "managedFields": [{**ours, "fieldsV1": fields}] if self.labelled else [],
            }
        }

    def apply(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        if body["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict("it was changed meanwhile")
        self.version, self.labelled = self.version + 1, "labels" in body["metadata"]
        if self.losses:
            self.losses -= 1
            return self.apply(resource, body)
        return self.get()


def tools(cluster: Cluster) -> Any:
    return SimpleNamespace(reader=cluster, writer=cluster)


@pytest.mark.parametrize("losses", [0, 1])
def test_our_own_change_is_not_taken_for_somebody_elses(losses: int) -> None:
    cluster = Cluster(losses)
    assert label_service_account.act(ACTION, tools(cluster), quiet).state is State.DONE
    cluster.losses = losses
    assert label_service_account.undo(ACTION, tools(cluster), quiet).state is State.DONE
    assert not cluster.labelled


@pytest.mark.parametrize(
    "change",
    [
        {"version": 12},
        {"version": 12, "labelled": True, "manager": "kubectl"},
        {"version": 12, "uid": "another"},
        {"version": 0, "gone": True},
    ],
)
def test_what_somebody_else_changed_is_left_alone(change: dict[str, Any]) -> None:
    cluster = Cluster(losses=0)
    vars(cluster).update(change)
    with pytest.raises(Conflict):
        label_service_account.act(ACTION, tools(cluster), quiet)
