"""The program is there for as long as one of its Jobs is, and nothing else under its name is taken for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply import program
from auditor.errors import ActionFailed, Conflict, NotFound, PlanRefused
from auditor.model.kubernetes import Resource
from auditor.worker import bundle

JOB = {"metadata": {"namespace": "posit", "name": "job", "uid": "mine"}}


class Cluster:
    def __init__(self, there: dict[str, Any] | None = None) -> None:
        self.there = there
        self.patched: list[Mapping[str, Any]] = []
        self.lost = 0
        self.changed = 0

    def create(self, _resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        if self.there:
            raise Conflict("exists")
        if not dry_run:
            self.there = dict(body)
        return dict(body)

    def get(self, *_: Any) -> dict[str, Any]:
        if self.lost or self.there is None:
            self.lost, self.there = 0, None
            raise NotFound("gone")
        return self.there

    def patch(self, _resource: Resource, _namespace: str, _name: str, body: Mapping[str, Any]) -> None:
        if self.changed:
            self.changed -= 1
            raise Conflict("changed")
        self.patched.append(body)


def tools(cluster: Cluster) -> Any:
    return SimpleNamespace(reader=cluster, writer=cluster, pause=lambda _: None)


def existing(**fields: Any) -> dict[str, Any]:
    body = program.config_map("posit", {"metadata": {"name": "other", "uid": "theirs"}})
    body["metadata"] |= {"resourceVersion": "7", **fields}
    return body


def test_it_is_made_for_the_job_and_never_changes() -> None:
    cluster = Cluster()
    program.provide(JOB, tools(cluster))
    assert cluster.there is not None
    assert cluster.there["immutable"] is True
    assert [owner["uid"] for owner in cluster.there["metadata"]["ownerReferences"]] == ["mine"]


def test_jobs_share_it_and_each_keeps_it() -> None:
    cluster = Cluster(existing())
    cluster.changed = 2  # somebody else's write comes first
    program.provide(JOB, tools(cluster))
    (patch,) = cluster.patched
    assert [owner["uid"] for owner in patch["metadata"]["ownerReferences"]] == ["theirs", "mine"]
    assert patch["metadata"]["resourceVersion"] == "7"


def test_a_lost_answer_is_no_second_owner() -> None:
    cluster = Cluster(program.config_map("posit", JOB))
    program.provide(JOB, tools(cluster))
    assert cluster.patched == []


def test_what_goes_away_meanwhile_is_made_again() -> None:
    cluster = Cluster(existing())
    cluster.lost = 1
    program.provide(JOB, tools(cluster))
    assert cluster.there is not None
    assert [owner["uid"] for owner in cluster.there["metadata"]["ownerReferences"]] == ["mine"]


def test_one_that_is_always_about_to_go_is_not_waited_for_for_ever() -> None:
    with pytest.raises(ActionFailed, match="again and again"):
        program.provide(JOB, tools(Cluster(existing(deletionTimestamp="now"))))


@pytest.mark.parametrize("data", [{}, {bundle.NAME: ""}, {bundle.NAME: "print(1)"}, {"other": "x"}])
def test_another_content_under_its_name_is_refused_before_and_while_it_is_used(data: dict[str, str]) -> None:
    cluster = Cluster({**existing(), "data": data})
    with pytest.raises(PlanRefused, match="does not hold the program"):
        program.rehearse("posit", tools(cluster))
    with pytest.raises(ActionFailed, match="does not hold the program") as failed:
        program.provide(JOB, tools(cluster))
    assert failed.value.details == {"code": "digest-mismatch"}
    assert cluster.patched == []
