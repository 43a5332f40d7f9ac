"""Stopping and starting a Deployment, told with a fake API server."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply.actions import scale_workload
from auditor.apply.ownership_job import SELECTOR, job
from auditor.errors import ActionFailed, Conflict, Forbidden, NotFound, PlanIsStale, PlanRefused, Unavailable
from auditor.model.kubernetes import JOBS, PODS, Resource
from auditor.model.outcome import State
from tests.apply.fake_helm import quiet
from tests.builders import claim_name
from tests.steps import ownership, scale

MARKS = {"posit-audit/replicas": "2", "posit-audit/ownership-worker": "python"}
STOP, START = scale(2, 0), scale(0, 2)
HELM = {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {"f:strategy": {}}}}
VOLUME = {"name": "data", "persistentVolumeClaim": {"claimName": claim_name()}}


def ours(field_: str = "") -> dict[str, Any]:
    """What the API server notes down of a change of ours."""
    held: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:posit-audit/replicas": {}}}}
    if field_:
        held["f:spec"] = {field_: {}}
    return {"manager": "posit-audit", "operation": "Update", "fieldsV1": held}


@dataclass
class Cluster:
    """One Deployment, whose pods go and come a few looks later."""

    replicas: int = 2
    uid: str = "workload-uid"
    annotations: dict[str, str] = field(default_factory=lambda: {"other": "kept"})
    lingering: int = 2
    gone: bool = False
    stuck: bool = False
    silent: int = 0
    jobs: list[dict[str, Any]] = field(default_factory=list)
    may_list_jobs: bool = True
    patches: list[tuple[dict[str, Any], bool]] = field(default_factory=list)
    managed: list[dict[str, Any]] = field(default_factory=lambda: [HELM])
    version: int = 1
    faster: int = 0
    time: float = 0

    def _body(self) -> dict[str, Any]:
        ready = 0 if self.stuck else self.replicas
        conditions = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}] if self.stuck else []
        return {
            "kind": "Deployment",
            "metadata": {
                "namespace": "posit",
                "name": "rstudio-pm",
                "uid": self.uid,
                "annotations": dict(self.annotations),
                "resourceVersion": str(self.version),
                "managedFields": copy.deepcopy(self.managed),
            },
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": "pm"}},
                "template": {"spec": {"volumes": [VOLUME, {"name": "tmp", "emptyDir": {}}]}},
            },
            "status": {
                "observedGeneration": 1,
                "replicas": ready,
                "updatedReplicas": ready,
                "readyReplicas": ready,
                "availableReplicas": ready,
                "conditions": conditions,
            },
        }

    def _answer(self) -> None:
        if self.silent:
            self.silent -= 1
            raise Unavailable("The API server s can't be reached: Connection refused.")

    def get(self, *_: Any) -> dict[str, Any]:
        self._answer()
        if self.gone:
            raise NotFound("no such Deployment")
        return self._body()

    def list(self, resource: Resource, namespace: str, *, label_selector: str) -> Iterator[dict[str, Any]]:
        if resource == JOBS:
            assert (namespace, label_selector) == ("posit", SELECTOR)
            if not self.may_list_jobs:
                raise Forbidden("no Jobs for you")
            yield from self.jobs
            return
        assert (resource, namespace, label_selector) == (PODS, "posit", "app=pm")
        self._answer()
        hook = {"metadata": {"name": "hook", "ownerReferences": [{"kind": "Job", "name": "rstudio-pm-chown"}]}}
        yield hook
        if self.lingering:
            self.lingering -= 1
            yield {
                "metadata": {"name": "pm-0", "ownerReferences": [{"kind": "ReplicaSet", "name": "rstudio-pm-abc"}]},
                "status": {"phase": "Running"},
            }

    def patch(
        self, _resource: Resource, _namespace: str, _name: str, body: dict[str, Any], *, dry_run: bool = False
    ) -> Any:
        self.patches.append((body, dry_run))
        if "managedFields" in body["metadata"]:
            if self.faster:
                self.faster, self.version = self.faster - 1, self.version + 1
            if body["metadata"]["resourceVersion"] != str(self.version):
                raise Conflict("the object has been modified")
            self.managed = body["metadata"]["managedFields"]
        elif not dry_run:
            self.managed = [HELM, ours("f:replicas" if "spec" in body else "")]
            self.replicas = body.get("spec", {}).get("replicas", self.replicas)
            merged = self.annotations | body["metadata"]["annotations"]
            self.annotations = {key: value for key, value in merged.items() if value is not None}
        return self._body()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster) -> Any:
    def pause(seconds: float) -> None:
        cluster.time += seconds

    return SimpleNamespace(reader=cluster, writer=cluster, rollout_seconds=60, pause=pause, clock=lambda: cluster.time)


def test_it_stops_and_waits_until_the_last_pod_is_gone(cluster: Cluster, tools: Any) -> None:
    assert scale_workload.act(STOP, tools, quiet).state is State.DONE
    assert (cluster.replicas, cluster.lingering) == (0, 0)
    assert cluster.annotations == {"other": "kept", **MARKS}
    assert cluster.patches[0][0]["metadata"]["uid"] == "workload-uid"


@pytest.mark.parametrize("action", [STOP, START])
@pytest.mark.parametrize("faster", [0, 2])
def test_it_holds_no_replicas_afterwards(cluster: Cluster, tools: Any, action: Any, faster: int) -> None:
    """The next upgrade by Helm 4 would conflict with us."""
    cluster.faster = faster
    if action is START:
        cluster.replicas = 0
    scale_workload.act(action, tools, quiet)
    assert cluster.managed == [HELM, ours()]


def test_a_pod_that_stays_fails_the_step(cluster: Cluster, tools: Any) -> None:
    cluster.lingering = 10_000
    with pytest.raises(ActionFailed, match="pod pm-0 is still there"):
        scale_workload.act(STOP, tools, quiet)


def test_it_starts_and_leaves_no_mark(cluster: Cluster, tools: Any) -> None:
    cluster.replicas, cluster.annotations = 0, {"other": "kept", **MARKS}
    assert scale_workload.act(START, tools, quiet).state is State.DONE
    assert (cluster.replicas, cluster.annotations) == (2, {"other": "kept"})


def test_a_start_that_kubernetes_gave_up_is_not_waited_for(cluster: Cluster, tools: Any) -> None:
    cluster.stuck = True
    with pytest.raises(ActionFailed, match="progress deadline"):
        scale_workload.act(START, tools, quiet)
    assert cluster.time == 0
    assert scale_workload.act(scale(0, 2, wait=False), tools, quiet).state is State.DONE


def test_an_api_server_that_does_not_answer_for_a_while_is_waited_for(cluster: Cluster, tools: Any) -> None:
    told: list[Any] = []
    cluster.silent = 3
    assert scale_workload.act(STOP, tools, told.append).state is State.DONE
    said = "waiting: the API server does not answer (The API server s can't be reached: Connection refused)"
    assert told[0]["note"] == said
    cluster.silent = 10_000
    with pytest.raises(ActionFailed, match=r"did not get there: the API server does not answer"):
        scale_workload.act(STOP, tools, quiet)


def test_the_rehearsal_changes_nothing(cluster: Cluster, tools: Any) -> None:
    scale_workload.rehearse(STOP, tools)
    assert [dry for _, dry in cluster.patches] == [True]
    assert cluster.replicas == 2


@pytest.mark.parametrize(
    ("replicas", "marked", "action", "already"),
    [
        (2, False, STOP, False),
        (0, True, STOP, True),
        (0, False, STOP, False),
        (2, False, START, True),
        (2, True, START, False),  # Helm started it; the marks are still to go
        (1, True, START, False),
        (1, False, START, True),
        (0, True, START, False),
    ],
)
def test_what_is_so_already(
    cluster: Cluster, tools: Any, replicas: int, marked: bool, action: Any, already: bool
) -> None:
    cluster.replicas, cluster.annotations = replicas, dict(MARKS) if marked else {}
    assert bool(scale_workload.check(action, tools)) is already


@pytest.mark.parametrize(
    "change",
    [
        lambda cluster: setattr(cluster, "replicas", 5),
        lambda cluster: setattr(cluster, "uid", "another"),
        lambda cluster: setattr(cluster, "gone", True),
    ],
)
def test_a_deployment_that_is_another_one_by_now_is_left_alone(
    cluster: Cluster, tools: Any, change: Callable[[Cluster], None]
) -> None:
    change(cluster)
    with pytest.raises(PlanIsStale):
        scale_workload.check(STOP, tools)
    if cluster.replicas == 5:
        with pytest.raises(PlanRefused, match="5 replicas by somebody else"):
            scale_workload.undo(STOP, tools, quiet)
    else:
        assert scale_workload.undo(STOP, tools, quiet).state is State.ALREADY
    assert cluster.patches == []


def ownership_job(claim: str = "", *, over: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Complete", "status": "True"}] if over else []
    return {"kind": "Job", **job(ownership(claim), "change", seconds=60), "status": {"conditions": conditions}}


def test_a_server_is_not_started_while_a_job_changes_the_owners_of_its_files(cluster: Cluster, tools: Any) -> None:
    """Another run's, or one that its run lost sight of. The plan that goes on with that Job may be rehearsed."""
    cluster.replicas, cluster.annotations, cluster.jobs = 0, dict(MARKS), [ownership_job()]
    assert scale_workload.check(START, tools) == ""
    scale_workload.rehearse(START, tools)
    name = cluster.jobs[0]["metadata"]["name"]
    for start in (scale_workload.act, lambda *_: scale_workload.undo(STOP, tools, quiet)):
        with pytest.raises(PlanRefused, match=rf"{name} still changes owners on claim .*fix --watch"):
            start(START, tools, quiet)
    assert (cluster.replicas, cluster.annotations) == (0, MARKS)


@pytest.mark.parametrize("jobs", [[ownership_job(over=True)], [ownership_job("another-claim")]])
def test_a_job_that_is_over_or_of_another_claim_holds_no_server_back(
    cluster: Cluster, tools: Any, jobs: list[dict[str, Any]]
) -> None:
    cluster.replicas, cluster.jobs = 0, jobs
    assert scale_workload.act(START, tools, quiet).state is State.DONE


def test_who_may_not_list_jobs_starts_the_server_all_the_same(cluster: Cluster, tools: Any) -> None:
    cluster.replicas, cluster.may_list_jobs = 0, False
    assert scale_workload.act(START, tools, quiet).state is State.DONE


def test_what_helm_started_keeps_its_number_and_loses_the_marks(cluster: Cluster, tools: Any) -> None:
    start, stop = scale(0, 3), scale(3, 0)
    cluster.replicas, cluster.annotations = 1, {"other": "kept", **MARKS}
    assert scale_workload.check(start, tools) == ""
    effect = scale_workload.act(start, tools, quiet)
    assert effect.state is State.DONE
    assert "has 1 replicas, not 3 as before" in effect.message
    assert (cluster.replicas, cluster.annotations) == (1, {"other": "kept"})

    assert scale_workload.undo(start, tools, quiet).state is State.DONE
    assert (cluster.replicas, MARKS.keys() <= cluster.annotations.keys()) == (0, True)
    cluster.replicas = 1  # by helm rollback
    assert "has 1 replicas, not 3 as before" in scale_workload.undo(stop, tools, quiet).message
    assert (cluster.replicas, cluster.annotations) == (1, {"other": "kept"})


def test_undo_of_each_brings_back_what_was(cluster: Cluster, tools: Any) -> None:
    scale_workload.act(STOP, tools, quiet)
    scale_workload.act(START, tools, quiet)
    assert scale_workload.undo(START, tools, quiet).state is State.DONE
    assert (cluster.replicas, MARKS.items() <= cluster.annotations.items()) == (0, True)
    assert scale_workload.undo(STOP, tools, quiet).state is State.DONE
    assert (cluster.replicas, cluster.annotations) == (2, {"other": "kept"})
    assert scale_workload.undo(STOP, tools, quiet).state is State.ALREADY
