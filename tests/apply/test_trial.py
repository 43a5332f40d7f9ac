"""An image is tried in a pod without the volume, before anything is stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from auditor.apply import trial
from auditor.apply.ownership_job import job, name_of
from auditor.errors import Forbidden, NotFound, PlanRefused
from auditor.model.action import Candidate, Placement
from auditor.model.kubernetes import PODS, Resource
from tests.steps import ownership

PYTHON = {"event": "started", "tool": "python", "python": "/opt/python/3.14.4/bin/python3", "version": "3.14.4"}
BUSYBOX = {"event": "started", "tool": "posix", "limits": ["no-shards"]}
BARE = {"event": "started", "tool": "posix", "limits": ["no-shards", "no-record"]}
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
TWIN = Candidate(image="c", has_python="none", limits=("no-shards",), why="it is last")


class Cluster:
    """Whose images are `images`: what their pod says, a reason to wait for ever, or an error of the API server."""

    def __init__(self, **images: Any) -> None:
        self.images = images
        self.jobs: dict[str, dict[str, Any]] = {}
        self.tried: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.time = 0.0

    def create(self, _resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        if dry_run:
            return dict(body)
        image = body["spec"]["template"]["spec"]["containers"][0]["image"]
        self.tried.append(image)
        if isinstance(self.images[image], Exception):
            raise self.images[image]
        self.jobs[body["metadata"]["name"]] = {**body, "kind": "Job", "image": image}
        self.jobs[body["metadata"]["name"]]["metadata"] = {**body["metadata"], "uid": "u"}
        return self.jobs[body["metadata"]["name"]]

    def get(self, _resource: Resource, _namespace: str, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise NotFound("gone")
        made = self.jobs[name]
        says = self.images.get(made.get("image", ""))
        if isinstance(says, BaseException):
            raise says
        done = isinstance(says, dict | list)
        return {**made, "status": COMPLETE if done else {}}

    def list(self, resource: Resource, _namespace: str, **_: Any) -> Iterator[dict[str, Any]]:
        if resource != PODS:
            yield from self.events
            return
        for made in self.jobs.values():
            says = self.images[made["image"]]
            if says == "no pod":
                continue
            waiting = [{"state": {"waiting": {"reason": says, "message": "because"}}}] if isinstance(says, str) else []
            phase = "Pending" if waiting else "Succeeded"
            owners = [{"controller": True, "uid": "u"}]
            metadata = {"name": made["image"], "namespace": "posit", "ownerReferences": owners}
            yield {"kind": "Pod", "metadata": metadata, "status": {"phase": phase, "containerStatuses": waiting}}

    def log(self, _namespace: str, pod: str, *_: Any, **__: Any) -> Iterator[str]:
        says = self.images[pod]
        return iter(says if isinstance(says, list) else [json.dumps(says)])

    def delete(self, _resource: Resource, _namespace: str, name: str, **_: Any) -> None:
        del self.jobs[name]

    def pause(self, seconds: float) -> None:
        self.time += seconds


def choose(cluster: Cluster, placement: Placement, **fields: Any) -> Placement:
    tools: Any = SimpleNamespace(
        reader=cluster, writer=cluster, pause=cluster.pause, clock=lambda: cluster.time, start_seconds=300
    )
    return trial.chosen(ownership(placement=placement, **fields), tools, lambda _: None, {})


def test_the_first_that_has_python_is_taken_and_where_it_keeps_it_is_known() -> None:
    cluster = Cluster(a=PYTHON)
    placement = choose(cluster, Placement(image="a", node="n1", others=(TWIN,)))
    assert (placement.image, placement.python, placement.has_python) == ("a", PYTHON["python"], "found")
    assert (placement.node, placement.others) == ("n1", (TWIN,))
    assert (cluster.tried, cluster.jobs) == (["a"], {})


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("ImagePullBackOff", "image a: ImagePullBackOff"),
        ("InvalidImageName", "InvalidImageName"),
        ("RunContainerError", "RunContainerError"),
        (BUSYBOX, "no Python 3.8"),
        (["garbage", '{"event":"started","tool":"snake"}'], "did not say what the image has"),
        (Forbidden("A policy does not admit it."), "A policy does not admit it"),
        ("ContainerCreating", "did not end within 300 seconds"),
        ("no pod", "did not end within 300 seconds"),
    ],
)
def test_one_that_fails_makes_room_for_the_next_and_leaves_nothing(says: Any, why: str) -> None:
    cluster = Cluster(a=says, b=PYTHON)
    placement = choose(cluster, Placement(image="a", others=(Candidate(image="b", why="it is next"),)))
    assert (placement.image, placement.why) == ("b", "it is next")
    assert cluster.jobs == {}
    with pytest.raises(PlanRefused, match=why):
        choose(cluster, Placement(image="a"))
    assert cluster.jobs == {}


def test_a_pod_that_is_not_admitted_is_not_waited_for() -> None:
    cluster = Cluster(a="no pod")
    cluster.events = [{"message": "pods are forbidden: exceeded quota."}]
    with pytest.raises(PlanRefused, match="exceeded quota"):
        choose(cluster, Placement(image="a"))
    assert cluster.time < 30


def test_the_shell_program_is_taken_where_its_tools_are_there_and_its_limits_are_known() -> None:
    cluster = Cluster(a=BUSYBOX, c=BUSYBOX)
    placement = choose(cluster, Placement(image="a", others=(TWIN,)), after_stop=True)
    assert (placement.image, placement.posix, placement.limits) == ("c", True, ("no-shards",))


def test_an_undo_that_the_plan_promises_is_not_given_up_silently() -> None:
    with pytest.raises(PlanRefused, match="which the plan promises"):
        choose(Cluster(c=BARE), Placement(image="c", has_python="none", limits=("no-shards",)), after_stop=True)


def test_a_trial_that_is_stopped_leaves_nothing() -> None:
    cluster = Cluster(a=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        choose(cluster, Placement(image="a"))


def test_what_is_the_same_is_tried_once() -> None:
    cluster = Cluster(a=PYTHON)
    tools: Any = SimpleNamespace(
        reader=cluster, writer=cluster, pause=cluster.pause, clock=lambda: cluster.time, start_seconds=300
    )
    tried: trial.Tried = {}
    for claim in ("one", "two"):
        trial.chosen(ownership(claim, placement=Placement(image="a")), tools, lambda _: None, tried)
    assert cluster.tried == ["a"]


def test_a_job_that_is_at_work_keeps_its_image() -> None:
    action = ownership(placement=Placement(image="a"))
    works = msgspec.structs.replace(action, placement=Placement(image="c", has_python="none"))
    cluster = Cluster(a=PYTHON)
    cluster.jobs[name_of(action, "change")] = {"kind": "Job", **job(works, "change", seconds=1)}
    planned = msgspec.structs.replace(action.placement, others=(TWIN,))
    assert choose(cluster, planned) == works.placement
    assert cluster.tried == []


def test_its_pod_can_do_nothing() -> None:
    body = trial.job(ownership())
    spec = body["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert "volumes" not in spec
    assert "volumeMounts" not in container
    assert body["spec"]["activeDeadlineSeconds"] == 300
    assert body["metadata"]["labels"]["app.kubernetes.io/component"] == "trial"


def test_a_last_image_without_a_record_does_not_replace_one_with_a_record() -> None:
    """The plan's undo speaks of its first image."""
    bare = Candidate(image="c", has_python="none", limits=("no-shards", "no-record"), why="it is last")
    with pytest.raises(PlanRefused, match="which the plan promises"):
        choose(Cluster(a="ImagePullBackOff", c=BARE), Placement(image="a", others=(bare,)), after_stop=True)
    said = Placement(image="c", has_python="none", limits=("no-shards", "no-record"))
    assert choose(Cluster(c=BARE), said, after_stop=True).image == "c"
