"""What can happen to a Job while it is watched, told with a fake API server; the good way is in tests/cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.apply import parts
from auditor.apply.actions import change_ownership
from auditor.apply.job_run import remove_running, run
from auditor.apply.ownership_job import job, name_of
from auditor.apply.tools import Tools
from auditor.errors import (
    ActionFailed,
    Conflict,
    Forbidden,
    NotAdmitted,
    NotFound,
    PlanIsStale,
    PlanRefused,
    Unavailable,
)
from auditor.model.action import Placement
from auditor.model.kubernetes import CLAIMS, CONFIG_MAPS, EVENTS, JOBS, NAMESPACES, PODS, VOLUMES, Access, Resource
from auditor.model.outcome import State
from tests.apply.fake_helm import quiet
from tests.steps import ownership

ACTION = ownership()
NAME = name_of(ACTION, "change")
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {
    "conditions": [{"type": "Failed", "status": "True", "message": "Container ownership failed with exit code 1"}]
}
SUMMARY = {"event": "summary", "seen": 12, "changed": 5, "failed": 0, "moved_aside": [], "message": None}
TOLD = {key: value for key, value in SUMMARY.items() if key not in ("event", "message")}


def line(**event: Any) -> str:
    return json.dumps(event)


@dataclass
class Cluster:
    """One Job whose status goes through `statuses`, one for each time it is asked for after it began."""

    statuses: list[dict[str, Any]] = field(default_factory=lambda: [{"active": 1}, COMPLETE])
    phases: list[str] = field(default_factory=lambda: ["Running"])
    pod_status: dict[str, Any] = field(default_factory=dict)
    logs: list[list[str] | Exception] = field(default_factory=lambda: [[line(**SUMMARY)]])
    parts: int = 1
    log_of: dict[str, list[str]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    job: dict[str, Any] | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=lambda: job(ACTION, "change", seconds=1)["spec"]["template"])
    made: int = 0
    programs: list[dict[str, Any]] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    stays: bool = False
    lose_answer: bool = False
    silences: list[int] = field(default_factory=list)
    """How many asks for the Job find no answer before the first, the second, ... that does."""
    claim_uid: str = "claim-uid"
    modes: list[str] = field(default_factory=lambda: ["ReadWriteMany"])
    volume: dict[str, Any] | None = None
    users: list[str] = field(default_factory=list)
    """The nodes of the server's pods."""
    nodes: list[Any] = field(default_factory=list)
    """To which each Job was tied."""
    refuse_pods: str = ""
    """Why; those without root too, if that is not the reason."""
    refuse_without_root: bool = False
    refuse_jobs: bool = False
    may_create_pods: bool = True
    level: str = ""
    time: float = 0.0

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        if resource == CLAIMS:
            if not self.claim_uid:
                raise NotFound("no claim")
            spec = {"accessModes": self.modes, "volumeName": "pv"}
            return {"metadata": {"uid": self.claim_uid}, "spec": spec}
        if resource == VOLUMES:
            if self.volume is None:
                raise Forbidden("no volumes for you")
            return {"metadata": {"name": name}, "spec": self.volume}
        if resource == NAMESPACES:
            return {"metadata": {"name": namespace, "labels": {"pod-security.kubernetes.io/enforce": self.level}}}
        assert resource == JOBS
        if self.silences and self.silences[0]:
            self.silences[0] -= 1
            raise Unavailable("The API server s can't be reached: Connection refused.", hint="Is it up?")
        self.silences = self.silences[1:]
        if self.job is None:
            raise NotFound("no such Job")
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"kind": "Job", "metadata": self.job, "spec": {**self.spec, "template": self.template}, "status": status}

    def list(self, resource: Resource, namespace: str, **_: Any) -> Iterator[dict[str, Any]]:
        if resource == EVENTS:
            yield from self.events
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": ACTION.claim.name}}]
        for node in self.users if resource == PODS else ():
            yield {"kind": "Pod", "metadata": {"name": "pm"}, "spec": {"nodeName": node, "volumes": volumes}}
        if resource == PODS and self.job and self.phases:
            phase = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
            for number in range(1, self.parts + 1):
                metadata = {"name": f"pod-{number}", "namespace": namespace, "creationTimestamp": str(number)}
                metadata["annotations"] = {"batch.kubernetes.io/job-completion-index": str(number - 1)}
                metadata["ownerReferences"] = [{"controller": True, "uid": self.job["uid"]}]
                status = {"phase": phase, **self.pod_status}
                yield {"kind": "Pod", "metadata": metadata, "spec": self.template["spec"], "status": status}

    def log(self, _namespace: str, pod: str, *_: Any, **__: Any) -> Iterator[str]:
        if pod in self.log_of:
            return iter(self.log_of[pod])
        said = self.logs.pop(0) if len(self.logs) > 1 else self.logs[0]
        if isinstance(said, Exception):
            raise said
        return iter(said)

    def allowed(self, access: Access, verb: str, namespace: str) -> bool:
        return self.may_create_pods

    def apply(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        return dict(body)

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        if resource == PODS and self.refuse_pods:
            contexts = [
                body["spec"]["securityContext"],
                *(one["securityContext"] for one in body["spec"]["containers"]),
            ]
            if self.refuse_without_root or any(context.get("runAsUser") == 0 for context in contexts):
                raise NotAdmitted(self.refuse_pods)
        if dry_run:
            return dict(body)
        if resource == CONFIG_MAPS:
            self.programs.append(dict(body))
            return dict(body)
        if self.refuse_jobs:
            raise Unavailable("Not now.", hint="Later.")
        if self.job is not None:
            raise Conflict("exists")
        self.made += 1
        self.template = body["spec"]["template"]
        self.nodes.append(body["spec"]["template"]["spec"].get("affinity"))
        self.commands.append(body["spec"]["template"]["spec"]["containers"][0]["command"])
        self.job = {**body["metadata"], "uid": f"job-{self.made}"}
        if self.lose_answer:
            raise Conflict("exists")
        return {"kind": "Job", "metadata": self.job, "spec": body["spec"], "status": {}}

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        self.deleted.append(uid)
        if not self.stays:
            self.job = None


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Tools:
    fake: Any = cluster

    def pause(seconds: float) -> None:
        cluster.time += seconds

    return Tools(
        reader=fake,
        writer=fake,
        helm=fake,
        charts=fake,
        server="s",
        private=tmp_path,
        values_folder=tmp_path,
        pause=pause,
        clock=lambda: cluster.time,
    )


EXISTING = {**job(ACTION, "change", seconds=1)["metadata"], "uid": "old"}


def test_progress_is_told_and_the_job_goes_when_it_is_done(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses = [{"active": 1}, {"active": 1}, {"active": 1}, COMPLETE]
    cluster.phases = ["Pending", "Running"]
    cluster.logs = [["not json", "[]", line(event="progress", seen=5, changed=2)], [line(**SUMMARY)]]
    told: list[Mapping[str, Any]] = []
    assert run(ACTION, "change", tools, told.append) == TOLD
    assert [counts["seen"] for counts in told if "seen" in counts] == [5]
    assert told[1]["note"].startswith("pod pod-1: pending")
    assert cluster.deleted == ["job-1"]


def test_a_log_that_cannot_be_read_now_is_read_later(cluster: Cluster, tools: Tools) -> None:
    cluster.logs = [Unavailable("not now"), [line(**SUMMARY)]]
    assert run(ACTION, "change", tools, lambda _: None)["changed"] == 5


def test_an_api_server_that_does_not_answer_for_a_while_is_waited_for(cluster: Cluster, tools: Tools) -> None:
    """Its upgrade takes minutes, and the Job goes on."""
    cluster.statuses, cluster.silences = [{"active": 1}, {"active": 1}, COMPLETE], [0, 0, 0, 300, 300]
    told: list[Mapping[str, Any]] = []
    assert run(ACTION, "change", tools, told.append) == TOLD
    assert "waiting: the API server does not answer (The API server s can't be reached" in told[1]["note"]


def test_a_job_that_cannot_be_watched_any_more_goes_on_and_its_records_are_told(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses, cluster.silences = [{"active": 1}], [0, 0, 0, 10_000]
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])]]
    with pytest.raises(
        ActionFailed, match=r"can't be watched any more: .*refused\. It goes on by itself.*--watch"
    ) as told:
        run(ACTION, "change", tools, lambda _: None)
    assert told.value.details == {"records": ["a:1:x"]}
    assert cluster.deleted == []


def test_a_failed_job_stays_and_says_why(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses = [FAILED]
    cluster.logs = [[line(**{**SUMMARY, "message": "Root is squashed by the NFS server.", "failed": 7})]]
    with pytest.raises(ActionFailed) as failed:
        run(ACTION, "change", tools, lambda _: None)
    assert "Root is squashed" in str(failed.value)
    assert "could not change 7" in str(failed.value)
    assert f"kubectl logs -n posit job/{NAME}" in str(failed.value)
    assert cluster.deleted == []


def test_a_failed_job_without_a_word_gives_kubernetes_reason(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses, cluster.phases = [FAILED], []
    with pytest.raises(ActionFailed, match="exit code 1"):
        run(ACTION, "change", tools, lambda _: None)


def test_a_job_that_somebody_deletes_is_told(cluster: Cluster, tools: Tools) -> None:
    def delete(_: Mapping[str, Any]) -> None:
        cluster.job = None

    cluster.phases = ["Pending"]
    cluster.statuses = [{"active": 1}]
    with pytest.raises(ActionFailed, match="deleted by somebody"):
        run(ACTION, "change", tools, delete)


def test_a_job_that_does_not_start_is_removed_and_says_what_kubernetes_says(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses, cluster.phases = [{"active": 1}], ["Pending"]
    cluster.events = [
        {"reason": "Old", "message": "x", "lastTimestamp": "1"},
        {"reason": "FailedMount", "message": "Multi-Attach\n error", "lastTimestamp": "2"},
    ]
    with pytest.raises(ActionFailed, match=r"did not start within 300 seconds.*FailedMount: Multi-Attach error"):
        run(ACTION, "change", tools, lambda _: None)
    assert cluster.job is None


def test_files_that_lost_their_bits_are_named_by_all_parts_and_by_the_job_before(
    cluster: Cluster, tools: Tools
) -> None:
    def lost(count: int, *samples: str) -> dict[str, Any]:
        return {**SUMMARY, "mode_bits": {"dropped": {"count": count, "samples": samples}, "kept": {"count": 1}}}

    cluster.parts, cluster.statuses = 2, [COMPLETE]
    cluster.log_of = {"pod-1": [line(**lost(4, "a", "b", "c"))], "pod-2": [line(**lost(4, "d", "e", "f"))]}
    effect = change_ownership.act(ownership(shards=2), tools, lambda _: None)
    assert effect.details["bits_lost"] == {"count": 8, "samples": ["a", "b", "c", "d", "e"]}
    assert " 8 files lost setuid or setgid bits, such as a, b, c, d, e." in effect.message

    cluster.log_of = {"pod-1": [line(**{**lost(1, "\x1b[31m"), "message": "No."})], "pod-2": []}
    cluster.statuses = [FAILED]
    with pytest.raises(ActionFailed) as failed:
        change_ownership.act(ownership(shards=2), tools, lambda _: None)
    assert failed.value.details["bits_lost"]["count"] == 1


def test_a_job_without_any_pod_says_so(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses, cluster.phases = [{}], []
    cluster.events = [{"reason": "FailedCreate", "message": "exceeded quota"}]
    with pytest.raises(ActionFailed, match=r"waiting for its pod \(FailedCreate: exceeded quota\)"):
        run(ACTION, "change", tools, lambda _: None)


def test_a_pod_that_is_never_admitted_is_not_waited_for(cluster: Cluster, tools: Tools) -> None:
    """If it became so after the plan, the Job's controller gets the answer."""
    cluster.statuses, cluster.phases = [{}], []
    cluster.events = [{"reason": "FailedCreate", "message": "we do not like this"}]
    cluster.refuse_pods = "we do not like this"
    with pytest.raises(ActionFailed, match=r"Two ways out.*Nothing was changed on the volume"):
        run(ACTION, "change", tools, lambda _: None)
    assert (cluster.time, cluster.job) == (0.0, None)


@pytest.mark.parametrize("level", ["", "baseline", "restricted"])
def test_a_pod_that_is_never_admitted_is_known_by_the_level_where_we_must_not_create_pods(
    cluster: Cluster, tools: Tools, level: str
) -> None:
    cluster.statuses, cluster.phases, cluster.may_create_pods, cluster.level = [{}], [], False, level
    cluster.events = [{"reason": "FailedCreate", "message": "violates PodSecurity"}]
    with pytest.raises(ActionFailed, match="Two ways out" if level == "restricted" else "did not start within"):
        run(ACTION, "change", tools, lambda _: None)


def test_what_the_parts_did_is_added_up(cluster: Cluster, tools: Tools) -> None:
    cluster.parts = 2
    moved = {"path": "verify", "moved": True}
    cluster.log_of = {
        "pod-1": [line(**{**SUMMARY, "moved_aside": [moved], "seconds": 3})],
        "pod-2": [line(event="progress", seen=1, changed=1)],
    }
    told: list[Mapping[str, Any]] = []
    cluster.statuses = [{}, COMPLETE]
    run(ownership(shards=2), "change", tools, told.append)
    assert told[1]["seen"] == 13
    cluster.log_of["pod-2"] = [line(**{**SUMMARY, "seconds": 2})]
    cluster.statuses = [COMPLETE]
    summary = run(ownership(shards=2), "change", tools, told.append)
    assert (summary["seen"], summary["changed"], summary["seconds"]) == (24, 10, 3)
    assert summary["moved_aside"] == [moved]


def test_the_part_that_says_why_is_named(cluster: Cluster, tools: Tools) -> None:
    cluster.parts, cluster.statuses = 2, [FAILED]
    cluster.log_of = {
        "pod-1": [line(**SUMMARY)],
        "pod-2": [line(**{**SUMMARY, "message": "The volume is full.", "failed": 3})],
    }
    with pytest.raises(
        ActionFailed, match=r"\(pod pod-2\): The volume is full\. It changed 10 .* could not change 3\."
    ):
        run(ownership(shards=2), "change", tools, lambda _: None)


def test_a_suspended_job_is_waited_for(cluster: Cluster, tools: Tools) -> None:
    cluster.spec = {"suspend": True}
    cluster.phases = ["Pending"] * 400 + ["Running"]
    cluster.statuses = [{}] * 400 + [COMPLETE]
    assert run(ACTION, "change", tools, lambda _: None) == TOLD


def test_a_job_that_was_suspended_gets_its_time_to_start_afterwards(cluster: Cluster, tools: Tools) -> None:
    """Kueue keeps a Job suspended until there is room for it."""

    def resume(_: Mapping[str, Any]) -> None:
        cluster.spec = {"suspend": cluster.time < 400}

    cluster.spec = {"suspend": True}
    cluster.phases = ["Pending"] * 500 + ["Running"]
    cluster.statuses = [{}] * 500 + [COMPLETE]
    assert run(ACTION, "change", tools, resume) == TOLD


def test_a_part_that_went_on_in_another_pod_keeps_what_both_wrote_down(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses = [{}, COMPLETE]
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])], [line(**SUMMARY, records=["b:2:y"])]]
    assert run(ACTION, "change", tools, lambda _: None)["records"] == ["a:1:x", "b:2:y"]


def test_the_records_of_all_parts_are_told_of_a_failed_job_too(cluster: Cluster, tools: Tools) -> None:
    cluster.parts, cluster.statuses = 2, [FAILED]
    cluster.log_of = {f"pod-{part}": [line(**SUMMARY, records=[f"{part}:1:x"])] for part in (1, 2)}
    with pytest.raises(ActionFailed) as failed:
        run(ownership(shards=2), "change", tools, lambda _: None)
    assert failed.value.details == {"records": ["1:1:x", "2:1:x"]}


def test_what_a_job_did_that_ended_unwatched_is_part_of_the_next_one(cluster: Cluster, tools: Tools) -> None:
    """Its log goes with it, and undo needs what stood there."""
    cluster.job = EXISTING
    cluster.statuses = [COMPLETE]
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])], [line(**{**SUMMARY, "changed": 0}, records=["a:2:y"])]]
    effect = change_ownership.act(ACTION, tools, lambda _: None)
    assert effect.state is State.DONE
    assert effect.details["changed"] == 5
    assert effect.details["seen"] == 12
    assert effect.details["records"] == ["a:1:x", "a:2:y"]

    assert effect.message.startswith("5 entries given to 999:999.")

    cluster.job, cluster.statuses = EXISTING, [COMPLETE, FAILED]
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])], [line(event="refusal", code="failed", message="no")]]
    with pytest.raises(ActionFailed) as failed:
        run(ACTION, "change", tools, lambda _: None)
    assert failed.value.details["records"] == ["a:1:x"]


def test_what_pods_did_whose_log_is_gone_is_told_apart(cluster: Cluster, tools: Tools) -> None:
    cluster.logs = [[line(**{**SUMMARY, "changed": 0}, earlier=1700)]]
    effect = change_ownership.act(ACTION, tools, lambda _: None)
    assert (effect.state, effect.details["earlier"]) == (State.DONE, 1700)
    assert effect.message == "0 entries given to 999:999; before it was interrupted, up to 1,700 others."

    cluster.job, cluster.statuses = EXISTING, [COMPLETE]
    cluster.logs = [[line(**SUMMARY, earlier=20)], [line(**{**SUMMARY, "changed": 2}, earlier=25)]]
    effect = change_ownership.act(ACTION, tools, lambda _: None)
    assert effect.message.startswith("7 entries given to 999:999; before it was interrupted, up to 20 others.")


def test_the_job_of_an_earlier_run_is_watched_on(cluster: Cluster, tools: Tools) -> None:
    cluster.job = EXISTING
    assert run(ACTION, "change", tools, lambda _: None) == TOLD
    assert (cluster.made, cluster.deleted) == (0, ["old"])


def test_the_job_of_an_earlier_run_that_does_not_start_is_left_with_its_log(cluster: Cluster, tools: Tools) -> None:
    """Its first pod may have worked for hours before it was evicted."""
    cluster.job, cluster.statuses, cluster.phases = EXISTING, [{}], ["Pending"]
    with pytest.raises(ActionFailed, match=rf"did not start .* kubectl delete job -n posit {NAME}") as failed:
        run(ACTION, "change", tools, lambda _: None)
    assert "Nothing was changed" not in str(failed.value)
    assert cluster.deleted == []


def test_a_job_that_another_run_watched_too_may_be_gone_once_it_is_done(cluster: Cluster, tools: Tools) -> None:
    def pause(_: float) -> None:
        cluster.job = None

    whole = {**TOLD, "complete": True}
    cluster.statuses, cluster.logs = [{"active": 1}], [[line(event="summary", **whole)]]
    assert run(ACTION, "change", replace(tools, pause=pause), lambda _: None) == whole
    with pytest.raises(ActionFailed, match="deleted by somebody"):
        run(ownership(shards=2), "change", replace(tools, pause=pause), lambda _: None)


@pytest.mark.parametrize("stays", [True, False])
def test_the_digests_of_a_job_are_kept_whatever_fails_after_it(cluster: Cluster, tools: Tools, stays: bool) -> None:
    cluster.logs, cluster.stays = [[line(**SUMMARY, records=["a:1:x"])]], stays
    if not stays:
        cluster.job, cluster.statuses, cluster.refuse_jobs = EXISTING, [COMPLETE], True
    with pytest.raises(ActionFailed, match="did its work, and deleting it failed" if stays else "Not now") as failed:
        run(ACTION, "change", tools, lambda _: None)
    assert failed.value.details == {"records": ["a:1:x"]}


def test_the_digests_are_kept_where_the_job_that_told_them_cannot_be_deleted(cluster: Cluster, tools: Tools) -> None:
    cluster.job, cluster.statuses, cluster.stays = EXISTING, [COMPLETE], True
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])]]
    with pytest.raises(ActionFailed, match="does not go away") as failed:
        run(ACTION, "change", tools, lambda _: None)
    assert failed.value.details == {"records": ["a:1:x"]}


@pytest.mark.parametrize("status", [COMPLETE, FAILED])
def test_a_job_that_is_over_makes_room(cluster: Cluster, tools: Tools, status: dict[str, Any]) -> None:
    cluster.job = EXISTING
    cluster.statuses = [status, COMPLETE]
    run(ACTION, "change", tools, lambda _: None)
    assert (cluster.made, cluster.deleted) == (1, ["old", "job-1"])


OTHERS = {
    "another program": {"command": ["echo", "all is well"]},
    "another image": {"image": "docker.io/attacker/image:1"},
    "more rights": {"securityContext": {"privileged": True}},
}


@pytest.mark.parametrize("status", [{}, COMPLETE])
@pytest.mark.parametrize("other", OTHERS)
def test_a_job_of_our_name_that_we_would_not_make_is_left_alone(
    cluster: Cluster, tools: Tools, other: str, status: dict[str, Any]
) -> None:
    """Even if its annotation says that it has this image."""
    theirs = ownership(placement=Placement(image="docker.io/attacker/image:1")) if "image" in other else ACTION
    body = job(theirs, "change", seconds=1)
    body["spec"]["template"]["spec"]["containers"][0].update(OTHERS[other])
    cluster.job, cluster.template = {**body["metadata"], "uid": "theirs"}, body["spec"]["template"]
    cluster.statuses = [status]
    for mode in ("change", "undo"):
        with pytest.raises(PlanRefused, match=rf"another client made it.*kubectl delete job -n posit {NAME}"):
            change_ownership.act(ACTION, tools, quiet) if mode == "change" else remove_running(ACTION, mode, tools)
    assert (cluster.made, cluster.deleted) == (0, [])


def test_a_job_that_takes_the_place_of_ours_is_not_followed(cluster: Cluster, tools: Tools) -> None:
    def pause(_: float) -> None:
        cluster.job = {**EXISTING, "uid": "theirs"}

    cluster.statuses = [{"active": 1}]
    with pytest.raises(ActionFailed, match="deleted by somebody"):
        run(ACTION, "change", replace(tools, pause=pause), quiet)


def test_who_may_not_compare_a_job_leaves_it_alone(cluster: Cluster, tools: Tools) -> None:
    class Writer(Cluster):
        def create(self, *_: Any, **__: Any) -> dict[str, Any]:
            raise Forbidden("You may not create jobs.")

    cluster.job = EXISTING
    with pytest.raises(PlanRefused, match=r"whether it is ours can't be compared: You may not create jobs\."):
        run(ACTION, "change", replace(tools, writer=Writer()), quiet)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [Conflict("changed"), PlanRefused("no")])
def test_what_is_refused_once_the_job_exists_is_a_failure(
    cluster: Cluster, tools: Tools, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def provide(*_: Any) -> None:
        raise error

    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])]]
    monkeypatch.setattr("auditor.apply.program.provide", provide)
    with pytest.raises(ActionFailed, match=str(error)) as failed:
        run(ACTION, "change", tools, quiet)
    assert failed.value.details == {"records": ["a:1:x"]}


def test_the_job_is_written_down_once_it_exists(cluster: Cluster, tools: Tools) -> None:
    told: list[Mapping[str, Any]] = []
    run(ACTION, "change", tools, told.append)
    assert told[0] == {"job": "job-1"}


@pytest.mark.parametrize("jobs", [("another",), ("another", "old"), ()])
def test_undo_asks_only_the_jobs_of_the_journal_for_digests(
    cluster: Cluster, tools: Tools, jobs: tuple[str, ...]
) -> None:
    """Journals of earlier versions, and of a run whose answer was lost, name none."""
    cluster.job, cluster.statuses = EXISTING, [COMPLETE]
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])]]
    told = remove_running(msgspec.structs.replace(ACTION, jobs=jobs), "change", tools)
    assert told["records"] == ([] if jobs == ("another",) else ["a:1:x"])


def test_a_pod_whose_image_was_changed_tells_no_digests(cluster: Cluster, tools: Tools) -> None:
    cluster.job, cluster.statuses = EXISTING, [COMPLETE]
    cluster.logs = [[line(**SUMMARY, records=["a:1:x"])]]
    made = cluster.get(JOBS, "posit", NAME)
    cluster.template = job(ownership(placement=Placement(image="x")), "change", seconds=1)["spec"]["template"]
    assert parts.told(made, tools)["records"] == []


def test_a_lost_answer_to_the_creation_makes_no_second_job(cluster: Cluster, tools: Tools) -> None:
    cluster.lose_answer = True
    assert run(ACTION, "change", tools, lambda _: None) == TOLD
    assert cluster.made == 1


def test_a_job_that_does_not_go_away_is_told(cluster: Cluster, tools: Tools) -> None:
    cluster.job, cluster.stays = EXISTING, True
    with pytest.raises(ActionFailed, match="does not go away"):
        remove_running(ACTION, "change", tools)
    cluster.job = None
    remove_running(ACTION, "change", tools)


def test_admission_is_asked_about_the_pod(cluster: Cluster, tools: Tools) -> None:
    change_ownership.rehearse(ACTION, tools)
    cluster.refuse_pods = "we do not like this"
    with pytest.raises(PlanRefused, match=r"admits no pod that runs as root.*we do not like this.*Two ways out"):
        change_ownership.rehearse(ACTION, tools)
    cluster.refuse_pods = 'exceeded quota; it says PodSecurity and "security context constraint" too'
    cluster.refuse_without_root = True
    with pytest.raises(PlanRefused, match="would be refused: exceeded quota"):
        change_ownership.rehearse(ACTION, tools)


def test_who_may_not_create_pods_asks_the_namespace(cluster: Cluster, tools: Tools) -> None:
    cluster.may_create_pods, cluster.refuse_pods, cluster.level = False, "never asked", "baseline"
    change_ownership.rehearse(ACTION, tools)
    cluster.level = "restricted"
    with pytest.raises(PlanRefused, match="Two ways out"):
        change_ownership.rehearse(ACTION, tools)


def test_a_claim_that_is_gone_or_new_is_stale_and_its_undo_has_nothing_to_do(cluster: Cluster, tools: Tools) -> None:
    for uid, says in (("another", "made anew"), ("", "no longer exists")):
        cluster.claim_uid = uid
        with pytest.raises(PlanIsStale, match=says):
            change_ownership.check(ACTION, tools)
        effect = change_ownership.undo(ACTION, tools, lambda _: None)
        assert effect.state is State.ALREADY
        assert says in effect.message


def test_who_may_not_see_the_volume_is_not_stopped(tools: Tools) -> None:
    assert change_ownership.check(ACTION, tools) == ""


def test_nothing_changed_is_already_so(cluster: Cluster, tools: Tools) -> None:
    cluster.logs = [[line(**{**SUMMARY, "changed": 0})]]
    assert change_ownership.act(ACTION, tools, lambda _: None).state is State.ALREADY


def test_a_job_whose_summary_was_not_seen_is_not_called_already(cluster: Cluster, tools: Tools) -> None:
    cluster.logs = [[]]
    effect = change_ownership.act(ACTION, tools, lambda _: None)
    assert effect.state is State.DONE
    assert "unknown" in effect.message


def test_a_record_that_cannot_be_vouched_for_is_told_at_once(cluster: Cluster, tools: Tools) -> None:
    cluster.logs = [[line(**SUMMARY, records=[])]]
    assert "undo will not believe it" in change_ownership.act(ACTION, tools, lambda _: None).message


def test_undo_takes_the_digests_of_the_journal_and_of_a_job_that_ended_unwatched(
    cluster: Cluster, tools: Tools
) -> None:
    cluster.job, cluster.statuses = EXISTING, [COMPLETE]
    cluster.logs = [[line(**SUMMARY, records=["b:2:y"])], [line(**SUMMARY, left_out=["c"])]]
    effect = change_ownership.undo(ownership(records=("a:1:x",)), tools, lambda _: None)
    assert cluster.commands[-1][-3:] == ["--undo", "--record=a:1:x", "--record=b:2:y"]
    assert effect.state is State.DONE
    assert "Left out: c" in effect.message


@pytest.mark.parametrize("starts", [True, False])
def test_an_undo_that_fails_keeps_the_digests_of_the_job_that_it_deleted(
    cluster: Cluster, tools: Tools, starts: bool
) -> None:
    cluster.job, cluster.refuse_jobs = EXISTING, not starts
    cluster.statuses = [COMPLETE, FAILED]
    cluster.logs = [[line(**SUMMARY, records=["b:2:y"])], [line(event="refusal", code="record-changed", message="x.")]]
    with pytest.raises(ActionFailed) as failed:
        change_ownership.undo(ownership(records=("a:1:x",)), tools, lambda _: None)
    assert failed.value.details["records"] == ["a:1:x", "b:2:y"]


def test_a_record_that_is_not_believed_refuses_the_undo_and_its_log_stays(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses = [FAILED]
    cluster.logs = [[line(event="refusal", code="record-gone", message="The record x is gone. Bring it back.")]]
    with pytest.raises(PlanRefused, match="The record x is gone") as refused:
        change_ownership.undo(ACTION, tools, lambda _: None)
    assert "kubectl logs" in refused.value.hint
    assert cluster.job is not None


def test_an_undo_without_a_record_has_nothing_to_do(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses = [FAILED]
    cluster.logs = [[line(event="refusal", code="nothing-to-undo", message="There is nothing.")]]
    assert change_ownership.undo(ACTION, tools, lambda _: None).state is State.ALREADY
    assert cluster.job is None


def tied_to(node: str) -> dict[str, Any]:
    there = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [there]}}}


@pytest.mark.parametrize(
    ("volume", "users", "tied"),
    [
        ({"csi": {}}, ["two"], tied_to("two")),
        (None, ["two"], tied_to("two")),
        ({"csi": {}}, [], None),  # the scheduler knows where the volume can be attached
        ({"hostPath": {}}, ["two"], tied_to("one")),
    ],
)
def test_an_undo_runs_where_the_volume_is_now(
    cluster: Cluster, tools: Tools, volume: dict[str, Any] | None, users: list[str], tied: Any
) -> None:
    """The server may have moved since the plan was made, and that node may be gone."""
    cluster.modes, cluster.volume, cluster.users = ["ReadWriteOnce"], volume, users
    action = ownership(placement=Placement(image="i", node="one"))
    change_ownership.undo(action, tools, lambda _: None)
    assert cluster.nodes == [tied]


def test_an_undo_on_a_volume_of_one_node_that_several_use_is_refused(cluster: Cluster, tools: Tools) -> None:
    cluster.modes, cluster.users = ["ReadWriteOnce"], ["one", "two"]
    with pytest.raises(PlanRefused, match="on several nodes"):
        change_ownership.undo(ACTION, tools, lambda _: None)


def test_an_undo_without_a_record_that_could_be_kept_is_refused(tools: Tools) -> None:
    placement = Placement(image="i", has_python="none", limits=("no-record",))
    with pytest.raises(PlanRefused, match="has not the tools"):
        change_ownership.undo(ownership(placement=placement), tools, lambda _: None)


def test_the_shell_program_never_works_beside_the_server(cluster: Cluster, tools: Tools) -> None:
    """It works by paths, which somebody could exchange meanwhile."""
    action = ownership(placement=Placement(image="i", has_python="none", limits=("no-shards",)))
    cluster.users = ["n1"]
    for way in (change_ownership.check, lambda action, tools: change_ownership.undo(action, tools, lambda _: None)):
        with pytest.raises(PlanRefused, match="only while nothing else uses the volume: pod pm uses"):
            way(action, tools)
    assert change_ownership.check(msgspec.structs.replace(action, after_stop=True), tools) == ""
    assert cluster.made == 0


def test_a_program_that_was_swapped_is_told_with_what_to_do(cluster: Cluster, tools: Tools) -> None:
    cluster.statuses = [FAILED]
    cluster.logs = [[line(event="refusal", code="digest-mismatch", message="Not what was sent.")]]
    with pytest.raises(ActionFailed, match="does not hold the program") as failed:
        run(ACTION, "change", tools, lambda _: None)
    assert "kubectl delete configmap -n posit posit-audit-worker-" in failed.value.hint


@pytest.mark.parametrize("lie", ['{"event":"summary","changed":"all"}', '{"event":"refusal"}', '{"event":[]}', "\x00"])
def test_a_pod_that_lies_is_not_believed_and_ends_nothing(cluster: Cluster, tools: Tools, lie: str) -> None:
    cluster.logs = [[lie]]
    effect = change_ownership.act(ACTION, tools, lambda _: None)
    assert "how much it did is unknown" in effect.message


def test_a_job_that_was_short_of_memory_to_the_end_says_so(cluster: Cluster, tools: Tools) -> None:
    terminated = {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    cluster.pod_status = {"containerStatuses": [terminated]}
    cluster.phases = ["Failed"]
    limit = [{"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}]
    cluster.statuses, cluster.logs = [{"active": 1}, {"conditions": limit}], [[line(event="progress", seen=5)]]
    told: list[Mapping[str, Any]] = []
    with pytest.raises(ActionFailed, match=r"backoff limit\. Pod pod-1 was killed for want of memory\."):
        run(ACTION, "change", tools, told.append)
    assert [one["news"] for one in told if "news" in one] == [
        "Pod pod-1 was killed for want of memory (its limit is 512Mi); the Job makes another, up to six times."
    ]
    assert told[-1]["note"].startswith("pod pod-1: failed")
