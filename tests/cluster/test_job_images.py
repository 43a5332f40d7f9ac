"""What the ownership Job runs, and in which image, on a real cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.apply import admission, look_job, program
from auditor.apply.actions import change_ownership
from auditor.apply.following import follow
from auditor.apply.journal import Journal
from auditor.apply.ownership_job import job
from auditor.apply.progress import Silent
from auditor.apply.run import apply, dry_run
from auditor.apply.tools import Tools, open_tools
from auditor.apply.trial import chosen
from auditor.apply.undo import undo
from auditor.cluster.connect import connect
from auditor.errors import ActionFailed, PlanRefused
from auditor.model.action import Candidate, ChangeOwnership, Placement
from auditor.model.kubernetes import CONFIG_MAPS, JOBS
from auditor.model.outcome import Outcome, State
from auditor.settings import ClusterSettings
from auditor.worker.limits import ALWAYS
from tests.steps import ownership, planned, wanting

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
WITHOUT_PYTHON = tuple(f"docker.io/posit/package-manager:{tag}" for tag in ("without-python", "only-busybox"))


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield opened


def ownership_of(kubectl: Run, namespace: str, **fields: Any) -> ChangeOwnership:
    uid = kubectl("get", "persistentvolumeclaim", "data", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    return ownership("data", namespace, claim_uid=uid, **{"placement": Placement(image=IMAGE), **fields})


def made(tools: Tools, tmp_path: Path, action: ChangeOwnership) -> tuple[Journal, tuple[Outcome, ...]]:
    plan = planned(wanting(action))
    plan = type(plan)(server=tools.server, context=plan.context, steps=plan.steps)
    dry_run(plan, tools)
    journal = Journal.create(plan, tmp_path)
    return journal, apply(plan, tools, journal, Silent())


@pytest.mark.parametrize("image", [IMAGE, *WITHOUT_PYTHON])
def test_files_that_lost_their_bits_are_in_the_outcome(
    image: str, tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=3)
    volume.shell(
        f"cd '{volume.path}' && touch third roots group && chown 1000:1000 third && chmod 4755 third roots"
        " && chmod 2755 group"
    )
    placement = Placement(image=image, has_python="found" if image == IMAGE else "none")
    journal, (outcome,) = made(tools, tmp_path, ownership_of(kubectl, namespace, placement=placement))
    assert outcome.state is State.DONE, outcome.message
    assert outcome.details["bits_lost"] == {"count": 1, "samples": ["third"]}
    assert outcome.message.endswith(" 1 file lost setuid or setgid bits, such as third.")
    assert volume.shell(f"cd '{volume.path}' && stat -c %a third roots group").split() == ["755", "4755", "2755"]
    (taken,) = undo(journal, tools)
    assert taken.details["bits_lost"]["count"] == 2
    assert sorted(taken.details["bits_lost"]["samples"]) == ["group", "roots"]


def test_the_twin_changes_no_owner_beside_a_pod_that_outlives_the_server(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=3, access_modes=("ReadWriteMany",))
    before = volume.owners()
    content = {"name": "content", "image": IMAGE, "command": ["sleep", "3600"]}
    content["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec = {"containers": [content], "terminationGracePeriodSeconds": 0}
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "content"}, "spec": spec}
    kubectl("apply", "-f", "-", "-n", namespace, input=json.dumps(pod))
    kubectl("wait", "--for=condition=Ready", "pod/content", "-n", namespace, "--timeout=60s")
    placement = Placement(image=WITHOUT_PYTHON[0], has_python="none", limits=ALWAYS)
    action = ownership_of(kubectl, namespace, placement=placement, after_stop=True)

    _, (outcome,) = made(tools, tmp_path, action)

    assert outcome.state is State.REFUSED, outcome
    assert "pod content uses" in outcome.message
    assert kubectl("get", "jobs", "-n", namespace, "-o", "name") == ""
    assert volume.owners() == before
    kubectl("delete", "pod", "content", "-n", namespace, "--grace-period=0")
    _, (done,) = made(tools, tmp_path / "again", action)
    assert done.state is State.DONE, done.message


@pytest.mark.parametrize("level", ["restricted", "baseline", ""])
def test_whether_root_is_why_a_pod_is_refused_is_asked_of_the_server(
    level: str, tools: Tools, kubectl: Run, make_namespace: Callable[..., str], local_volume: Callable[..., Any]
) -> None:
    namespace = make_namespace("level", {"pod-security.kubernetes.io/enforce": level} if level else {})
    local_volume(namespace, files=1)
    action = ownership_of(kubectl, namespace)
    jobs = {"change": job(action, "change", seconds=60), "look": look_job.job(action)}
    with_root = {name: admission.never_admits(each, tools) for name, each in jobs.items()}
    assert with_root == dict.fromkeys(jobs, level == "restricted")
    if level == "restricted":
        with pytest.raises(ActionFailed, match=r"Two ways out.*Nothing was changed on the volume"):
            change_ownership.act(action, tools, lambda _: None)
        assert kubectl("get", "jobs", "-n", namespace, "-o", "name") == ""
        with pytest.raises(ActionFailed, match="--probe exec"):
            look_job.look(action, tools, lambda _: None)
        return
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "PodSecurity".lower()}}
    quota["spec"] = {"hard": {"pods": "0"}}
    kubectl("apply", "-f", "-", "-n", namespace, input=json.dumps(quota))
    with pytest.raises(PlanRefused, match=r"would be refused.*exceeded quota"):
        change_ownership.rehearse(action, tools)
    assert not admission.never_admits(jobs["change"], tools)


@pytest.mark.parametrize("image", WITHOUT_PYTHON)
def test_the_same_work_without_python(
    image: str, tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=150)
    volume.shell(
        f"mkdir '{volume.path}/verify' && echo key > '{volume.path}/verify/key' && touch '{volume.path}/aquota.user'"
    )
    before = volume.owners()
    entries = sum(before.values()) - 1
    placement = Placement(image=image, has_python="none", limits=ALWAYS)
    action = ownership_of(kubectl, namespace, placement=placement, move_aside=("verify",))
    journal, (outcome,) = made(tools, tmp_path, action)
    assert outcome.state is State.DONE, outcome.message
    assert (outcome.details["tool"], outcome.details["changed"], outcome.details["moved_aside"]) == (
        "posix",
        entries,
        1,
    )
    records = 2
    assert volume.owners() == {"999:999": entries, "0:0": 1 + records}
    (taken,) = undo(journal, tools)
    assert taken.state is State.DONE, taken.message
    assert volume.owners() == {**before, "0:0": before["0:0"] + records}
    assert volume.shell(f"cat '{volume.path}/verify/key'").strip() == "key"


def test_a_program_that_somebody_swapped_is_not_run(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any]
) -> None:
    volume = local_volume(namespace, files=3)
    before = volume.owners()
    swapped = program.config_map(namespace)
    swapped["data"] = dict.fromkeys(swapped["data"], "print('owned')")
    tools.writer.create(CONFIG_MAPS, swapped)
    action = ownership_of(kubectl, namespace)
    with pytest.raises(PlanRefused, match="does not hold the program") as refused:
        change_ownership.rehearse(action, tools)
    assert f"kubectl delete configmap -n {namespace} {program.name()}" in refused.value.hint
    with pytest.raises(ActionFailed, match="does not hold the program"):
        change_ownership.act(action, tools, lambda _: None)
    assert kubectl("get", "jobs,pods", "-n", namespace, "-o", "name") == ""
    assert volume.owners() == before

    # In between, where the agent can't see it any more: the pod itself compares.
    body = tools.writer.create(JOBS, job(action, "change", seconds=60))
    with pytest.raises(ActionFailed, match="does not hold the program"):
        follow(body, tools, lambda _: None)
    assert volume.owners() == before


def test_an_image_is_tried_before_anything_is_stopped(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any]
) -> None:
    local_volume(namespace, files=1)
    others = (Candidate(image=WITHOUT_PYTHON[0]), Candidate(image=IMAGE, why="it is the third"))
    action = ownership_of(kubectl, namespace, placement=Placement(image="docker.io/none/none:1", others=others))
    said: list[str] = []
    placement = chosen(action, tools, said.append, {})
    assert (placement.image, placement.has_python) == (IMAGE, "found")
    assert placement.python == "/opt/python/3.14.4/bin/python3"
    assert len(said) == 3
    assert kubectl("get", "jobs,pods", "-n", namespace, "-o", "name") == ""
