"""The Job asks for no more than it needs, and lands where the release's own pod does."""

from __future__ import annotations

import hashlib

import msgspec

from auditor.apply import program
from auditor.apply.ownership_job import (
    ACTION_ANNOTATION,
    MODE_ANNOTATION,
    SELECTOR,
    job,
    name_of,
    pod,
)
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.ownership import Owner
from auditor.worker import bundle
from auditor.worker.commands import Mode
from tests.steps import ownership

PLACEMENT = Placement(
    image="registry.local/pm:1",
    image_pull_policy="Always",
    image_pull_secrets=("pull",),
    node_selector={"disk": "fast"},
    tolerations=({"key": "posit", "operator": "Exists"},),
    affinity={
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}},
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]},
    },
    priority_class="high",
)
WITHOUT = Placement(image="i", has_python="none")
ACTION = ownership(placement=PLACEMENT, move_aside=("verify", ".local"), path="")


def test_its_privileges_are_those_to_change_owners() -> None:
    spec = job(ACTION, "change", seconds=60)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "runAsUser": 0,
        "runAsNonRoot": False,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"]},
    }


def test_no_service_of_the_release_selects_its_pod() -> None:
    labels = job(ACTION, "change", seconds=60)["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "posit-audit"
    assert "app.kubernetes.io/instance" not in labels


def test_it_starts_as_the_releases_own_pod_does() -> None:
    spec = pod(ACTION, "change")["spec"]
    (container,) = spec["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.local/pm:1", "Always")
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["nodeSelector"] == {"disk": "fast"}
    assert spec["tolerations"] == [{"key": "posit", "operator": "Exists"}]
    assert spec["priorityClassName"] == "high"
    assert list(spec["affinity"]) == ["nodeAffinity"]


def test_a_pinned_node_is_named_to_the_scheduler() -> None:
    placement = msgspec.structs.replace(PLACEMENT, node="node-1")
    spec = pod(ownership(placement=placement), "change")["spec"]
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    match = {"key": "metadata.name", "operator": "In", "values": ["node-1"]}
    assert required == {"nodeSelectorTerms": [{"matchFields": [match]}]}


def test_its_name_follows_from_what_it_does() -> None:
    assert name_of(ACTION, "change") == name_of(msgspec.structs.replace(ACTION, wrong=1), "change")
    others = {
        name_of(ACTION, "change"),
        name_of(ACTION, "undo"),
        name_of(msgspec.structs.replace(ACTION, claim_uid="other"), "change"),
        name_of(msgspec.structs.replace(ACTION, owner=Owner(1, 1)), "change"),
        name_of(msgspec.structs.replace(ACTION, path="sub"), "change"),
    }
    assert len(others) == 5


def test_undo_is_handed_the_digests_and_moves_nothing_aside() -> None:
    records = (".posit-audit-ownership-999-999.state:12:ab", "b:3:cd")
    command = _command(ownership(records=records, move_aside=("verify",)), "undo")
    assert command[-3:] == ["--undo", *(f"--record={record}" for record in records)]
    assert pod(ownership(records=records), "change") == pod(ownership(), "change")


def _command(action: ChangeOwnership, mode: Mode) -> list[str]:
    command: list[str] = pod(action, mode)["spec"]["containers"][0]["command"]
    return command


def test_what_runs_is_settled_in_the_pods_template() -> None:
    """Who may write ConfigMaps in the namespace is not thereby root on the volume."""
    spec = pod(ACTION, "change")["spec"]
    digest = hashlib.sha256(program.config_map("posit")["data"][bundle.NAME].encode()).hexdigest()
    assert digest in spec["containers"][0]["command"]
    (mounted,) = (volume["configMap"] for volume in spec["volumes"] if "configMap" in volume)
    assert mounted["name"] == f"posit-audit-worker-{digest[:12]}"
    assert program.config_map("posit")["immutable"] is True


def test_without_python_all_that_runs_is_in_the_command() -> None:
    spec = pod(ownership(placement=WITHOUT, move_aside=("verify",)), "change")["spec"]
    assert [volume["name"] for volume in spec["volumes"]] == ["data", "scratch"]
    assert "chown -h" in "".join(spec["containers"][0]["command"])


def test_a_sub_path_is_the_root_that_it_sees() -> None:
    mounts = pod(ownership(path="connect"), "change")["spec"]["containers"][0]["volumeMounts"]
    assert mounts[0] == {"name": "data", "mountPath": "/volume", "subPath": "connect"}


def test_the_program_goes_with_its_jobs() -> None:
    assert "ownerReferences" not in program.config_map("posit")["metadata"]
    job_ = {"metadata": {"name": "a", "uid": "job-uid"}}
    (owner,) = program.config_map("posit", job_)["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["name"]) == ("Job", "job-uid", "a")


def test_evictions_do_not_count_and_a_no_of_the_worker_is_final() -> None:
    evicted, stopped, refused = job(ACTION, "change", seconds=60)["spec"]["podFailurePolicy"]["rules"]
    assert evicted["action"] == stopped["action"] == "Ignore"
    assert evicted["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert stopped["onExitCodes"]["values"] == [143]
    assert (refused["action"], refused["onExitCodes"]["values"]) == ("FailJob", [1, 2, 126, 127, 128])


def test_the_work_in_parts_is_an_indexed_job_whose_parts_fail_alone() -> None:
    action = ownership(shards=4)
    spec = job(action, "change", seconds=60)["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    assert "backoffLimit" not in spec
    assert spec["podFailurePolicy"]["rules"][2]["action"] == "FailIndex"
    pod_spec = spec["template"]["spec"]
    (container,) = pod_spec["containers"]
    assert container["command"][-1] == "--shard=$(JOB_COMPLETION_INDEX)/4"
    assert "/volume/.posit-audit-ownership-999-999.state.$(JOB_UID)" in container["command"]
    assert container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] == (
        "metadata.labels['batch.kubernetes.io/controller-uid']"
    )
    (spread,) = pod_spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == {"batch.kubernetes.io/job-name": name_of(action, "change")}


def test_one_pod_takes_back_what_all_parts_did() -> None:
    spec = job(ownership(shards=4), "undo", seconds=60)["spec"]
    assert "completionMode" not in spec
    command = spec["template"]["spec"]["containers"][0]["command"]
    assert command[-3:] == ["--state", "/volume/.posit-audit-ownership-999-999.state", "--undo"]
    spec = job(ownership(shards=4, placement=WITHOUT), "change", seconds=60)["spec"]
    assert "completionMode" not in spec  # the shell program can't share work


def test_work_in_parts_and_whole_is_one_job_so_that_it_never_runs_twice() -> None:
    assert name_of(ownership(shards=4), "change") == name_of(ownership(), "change")


def test_a_job_tells_whoever_finds_it_what_it_does() -> None:
    metadata = job(ACTION, "undo", seconds=60)["metadata"]
    assert msgspec.json.decode(metadata["annotations"][ACTION_ANNOTATION], type=type(ACTION)) == ACTION
    assert metadata["annotations"][MODE_ANNOTATION] == "undo"
    assert dict(one.split("=") for one in SELECTOR.split(",")).items() <= metadata["labels"].items()
