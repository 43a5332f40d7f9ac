"""The Job that looks can change nothing, and is gone whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply import look_job
from auditor.errors import ActionFailed, Conflict, NotAdmitted, NotFound, PlanRefused
from auditor.model.kubernetes import CLAIMS, CONFIG_MAPS, JOBS, PODS, Resource
from tests.steps import ownership

WOULD = ownership(path="sub")


class Cluster:
    """Whose Job ends as `status` says, after its pod wrote `lines`."""

    def __init__(self) -> None:
        self.job: dict[str, Any] | None = None
        self.status: Any = {"conditions": [{"type": "Complete", "status": "True"}]}
        self.modes = ["ReadWriteMany"]
        self.pods: list[dict[str, Any]] = [{"metadata": {"name": "look-1", "namespace": "posit"}, "spec": {}}]
        self.pods[0]["status"] = {"phase": "Succeeded"}
        self.pods[0]["metadata"]["ownerReferences"] = [{"controller": True, "uid": "job-uid"}]
        self.events: list[dict[str, Any]] = []
        self.made = 0
        self.spec: dict[str, Any] = {}
        self.refuse_root = False
        self.lose_answer = False
        self.config_maps: list[Mapping[str, Any]] = []

    def get(self, resource: Resource, _namespace: str, _name: str) -> dict[str, Any]:
        if resource == CLAIMS:
            return {"metadata": {"uid": "claim-uid"}, "spec": {"accessModes": self.modes}}
        if self.job is None:
            raise NotFound("gone")
        if isinstance(self.status, BaseException):
            error, self.status = self.status, {}
            raise error
        return {"kind": "Job", "metadata": self.job, "spec": self.spec, "status": self.status}

    def list(self, resource: Resource, *_: Any, **__: Any) -> Iterator[dict[str, Any]]:
        return iter(self.pods if resource == PODS else self.events)

    def log(self, *_: Any, **__: Any) -> Iterator[str]:
        return iter(['{"event":"started","tool":"posix"}', "0", "0", "--", "end"])

    def allowed(self, *_: Any) -> bool:
        return True

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        if resource == PODS:
            assert dry_run
            if self.refuse_root and body["spec"]["securityContext"].get("runAsUser") == 0:
                raise NotAdmitted("we do not like this")
        if dry_run:
            return dict(body)
        if resource == CONFIG_MAPS:
            self.config_maps.append(body)
            return dict(body)
        assert resource == JOBS
        if self.job:
            raise Conflict("exists")
        self.made += 1
        self.job, self.spec = {"namespace": "posit", **body["metadata"], "uid": "job-uid"}, dict(body["spec"])
        if self.lose_answer:
            raise Conflict("exists")
        return {"metadata": self.job, "spec": body["spec"]}

    def delete(self, *_: Any, **__: Any) -> None:
        self.job = None


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def look(cluster: Cluster) -> list[str]:
    tools: Any = SimpleNamespace(
        reader=cluster, writer=cluster, pause=lambda _: None, clock=lambda: 0.0, start_seconds=300
    )
    return look_job.look(WOULD, tools, lambda _: None)


def test_it_can_change_nothing() -> None:
    spec = look_job.job(WOULD)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["volumes"][0]["persistentVolumeClaim"]["readOnly"] is True
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert container["volumeMounts"][0]["subPath"] == "sub"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_no_watcher_of_ownership_jobs_and_no_service_takes_it_for_its_own() -> None:
    labels = look_job.job(WOULD)["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "look"
    assert "app.kubernetes.io/instance" not in labels


def test_what_it_wrote_is_given_and_it_is_gone(cluster: Cluster) -> None:
    assert look(cluster)[-1] == "end"
    assert cluster.job is None


@pytest.mark.parametrize("problem", [{"conditions": [{"type": "Failed", "status": "True"}]}, KeyboardInterrupt()])
def test_it_is_gone_where_it_fails_and_where_somebody_stops_us(cluster: Cluster, problem: Any) -> None:
    cluster.status = problem
    with pytest.raises((ActionFailed, KeyboardInterrupt)):
        look(cluster)
    assert (cluster.made, cluster.job) == (1, None)


def test_somebody_elses_look_is_left_alone(cluster: Cluster) -> None:
    cluster.job = {"name": "x", "uid": "theirs"}
    with pytest.raises(ActionFailed, match="somebody looks into"):
        look(cluster)
    assert cluster.job["uid"] == "theirs"
    assert cluster.config_maps == []


@pytest.mark.parametrize("lose_answer", [False, True])
def test_a_lost_answer_is_no_look_of_somebody_else_and_all_goes_with_the_job(
    cluster: Cluster, lose_answer: bool
) -> None:
    cluster.lose_answer = lose_answer
    assert look(cluster)[-1] == "end"
    (config_map,) = cluster.config_maps
    assert [owner["uid"] for owner in config_map["metadata"]["ownerReferences"]] == ["job-uid"]
    assert cluster.job is None


def test_a_pod_that_only_has_its_label_is_not_its_pod(cluster: Cluster) -> None:
    forged = {"metadata": {"name": "forged", "namespace": "posit", "creationTimestamp": "9"}, "spec": {}}
    cluster.pods.append({**forged, "status": {"phase": "Succeeded"}})
    read: list[str] = []
    cluster.log = lambda _, pod, *__, **___: iter(read.append(pod) or ["end"])  # type: ignore[method-assign, func-returns-value]
    assert look(cluster) == ["end"]
    assert set(read) == {"look-1"}


def test_a_claim_that_only_one_pod_may_have_is_not_tried(cluster: Cluster) -> None:
    cluster.modes = ["ReadWriteOncePod"]
    cluster.pods[0]["spec"] = {"volumes": [{"persistentVolumeClaim": {"claimName": WOULD.claim.name}}]}
    cluster.pods[0]["status"] = {"phase": "Running"}
    with pytest.raises(PlanRefused, match="ReadWriteOncePod"):
        look(cluster)
    assert cluster.made == 0


def test_a_namespace_that_admits_no_such_pod_is_told_at_once_with_what_helps_a_look(cluster: Cluster) -> None:
    cluster.pods, cluster.status = [], {}
    cluster.events, cluster.refuse_root = [{"reason": "FailedCreate", "message": "we do not like this"}], True
    with pytest.raises(ActionFailed, match=r"--probe exec.*enforce=baseline"):
        look(cluster)
    assert cluster.job is None
