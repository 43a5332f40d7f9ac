"""What has our names is not ours: Jobs, pods and program in the namespace of a release are written by others too.

The attacker is an account that may create Jobs there, as Connect's own may, or whoever may write ConfigMaps.
"""

from __future__ import annotations

import dataclasses
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.apply import parts, program
from auditor.apply.actions import change_ownership
from auditor.apply.journal import Journal
from auditor.apply.ownership_job import job, name_of
from auditor.apply.progress import Silent
from auditor.apply.run import apply
from auditor.apply.tools import Tools, open_tools
from auditor.apply.undo import undo
from auditor.cluster.connect import connect
from auditor.errors import Conflict, PositAuditError
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.kubernetes import CONFIG_MAPS, JOBS, Resource
from auditor.model.outcome import Outcome, State
from auditor.settings import ClusterSettings
from tests.cluster.conftest import Volume
from tests.steps import ownership, planned, wanting

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
ENTRIES = 300


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield dataclasses.replace(opened, start_seconds=60)


@pytest.fixture
def volume(namespace: str, local_volume: Callable[..., Volume]) -> Volume:
    return local_volume(namespace, files=ENTRIES)


@pytest.fixture
def action(kubectl: Run, namespace: str, volume: Volume) -> ChangeOwnership:
    uid = kubectl("get", "persistentvolumeclaim", "data", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    return ownership("data", namespace, claim_uid=uid, placement=Placement(image=IMAGE))


def made(tools: Tools, folder: Path, action: ChangeOwnership) -> tuple[Journal, Outcome]:
    plan = planned(wanting(action))
    plan = type(plan)(server=tools.server, context=plan.context, steps=plan.steps)
    journal = Journal.create(plan, folder)
    (outcome,) = apply(plan, tools, journal, Silent())
    return journal, outcome


class Losing:
    """A writer whose answers to some requests are conflicts. Those of `done` were done all the same."""

    def __init__(self, tools: Tools, *refused: tuple[str, Resource], done: bool) -> None:
        self.writer, self.refused, self.done = tools.writer, refused, done

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self.writer, verb)

        def asked(resource: Resource, *arguments: Any, **flags: Any) -> Any:
            if (verb, resource) not in self.refused or flags.get("dry_run"):
                return real(resource, *arguments, **flags)
            if self.done or verb == "delete":
                real(resource, *arguments, **flags)
            else:
                time.sleep(0.7)  # a busy API server; the pod of the Job starts meanwhile
            raise Conflict("Operation cannot be fulfilled: the object has been modified.")

        return asked


CONFLICTS = {
    "job": ((("create", JOBS),), True),
    "program-and-job-that-others-change": ((("patch", CONFIG_MAPS), ("delete", JOBS)), False),
    "job-that-is-gone": ((("delete", JOBS),), True),
}


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_a_conflict_after_the_job_exists_is_never_a_refusal_and_undo_finds_what_was_done(
    conflict: str, tools: Tools, action: ChangeOwnership, volume: Volume, namespace: str, tmp_path: Path
) -> None:
    before = volume.owners()
    refused, done = CONFLICTS[conflict]
    if not done:  # the program is there for another Job's sake, so that the pod begins at once
        tools.writer.create(CONFIG_MAPS, program.config_map(namespace))
    losing: Any = Losing(tools, *refused, done=done)
    journal, outcome = made(dataclasses.replace(tools, writer=losing), tmp_path, action)
    assert outcome.state in (State.DONE, State.FAILED), outcome.message
    assert volume.owners().get("999:999", 0) > 0
    (taken,) = undo(Journal.open(journal.path), tools)
    assert taken.state is State.DONE, taken.message
    assert set(volume.owners()) == set(before) == {"0:0"}


def foreign(action: ChangeOwnership, said: Mapping[str, Any]) -> str:
    """A Job with the name and the annotations of ours, whose pod says something of the attacker's."""
    ours = job(action, "change", seconds=600)
    container = {"name": "ownership", "image": IMAGE, "command": ["echo", json.dumps(said)]}
    template = {"metadata": ours["spec"]["template"]["metadata"], "spec": {"restartPolicy": "Never"}}
    template["spec"]["containers"] = [container]
    spec = {"backoffLimit": 0, "template": template}
    return json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": ours["metadata"], "spec": spec})


def ended(kubectl: Run, namespace: str, name: str) -> None:
    kubectl("wait", f"job/{name}", "-n", namespace, "--for=condition=complete", "--timeout=60s")


ALL_IS_WELL = {"event": "summary", "complete": True, "seen": 300, "changed": 0, "failed": 0, "moved_aside": []}


def test_a_job_of_our_name_is_not_followed(
    tools: Tools, action: ChangeOwnership, volume: Volume, namespace: str, kubectl: Run, tmp_path: Path
) -> None:
    """Its pod sleeps, and it would be followed for as long as that takes; then it says that all is well."""
    before = volume.owners()
    body = json.loads(foreign(action, ALL_IS_WELL))
    (container,) = body["spec"]["template"]["spec"]["containers"]
    container["command"] = ["sh", "-c", f"sleep 5; echo '{json.dumps(ALL_IS_WELL)}'"]
    kubectl("create", "-f", "-", input=json.dumps(body))
    journal, outcome = made(tools, tmp_path, action)
    assert outcome.state in (State.REFUSED, State.FAILED), outcome.message
    assert "is not the one that this version of posit-audit would make" in outcome.message
    assert f"kubectl delete job -n {namespace} {name_of(action, 'change')}" in outcome.message
    assert volume.owners() == before
    kubectl("delete", "job", name_of(action, "change"), "-n", namespace)
    _, again = made(tools, tmp_path, action)
    assert again.state is State.DONE
    assert [record.job for record in Journal.open(journal.path).records if hasattr(record, "job")] == []


def line(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x} {body}\n"


def test_the_digests_of_a_job_of_our_name_are_not_believed(
    tools: Tools, action: ChangeOwnership, volume: Volume, namespace: str, kubectl: Run
) -> None:
    """The run was cut off before its digests were known, and the server's group may write the record (fsGroup). The
    attacker adds whose the files shall be, and lets a Job vouch for it."""
    record = f"{volume.path}/.posit-audit-ownership-999-999.state"
    change_ownership.act(action, tools, lambda _: None)
    changed = volume.owners()
    inode = int(volume.shell(f"stat -c %i '{volume.path}/packages'"))
    forged = line(f"o 1 4242:4242 {inode:x}")
    volume.shell(f"printf '%s\\n' '{forged.strip()}' >> '{record}' && chgrp 999 '{record}' && chmod 660 '{record}'")
    size, digest = volume.shell(f"stat -c %s '{record}'; sha256sum '{record}'").split()[:2]
    said = {**ALL_IS_WELL, "records": [f"{Path(record).name}:{size}:{digest}"]}
    kubectl("create", "-f", "-", input=foreign(action, said))
    ended(kubectl, namespace, name_of(action, "change"))
    with pytest.raises(PositAuditError, match="is not the one that this version"):
        change_ownership.undo(action, tools, lambda _: None)
    kubectl("delete", "job", name_of(action, "change"), "-n", namespace)
    with pytest.raises(PositAuditError, match="can contain changes by other users"):
        change_ownership.undo(action, tools, lambda _: None)
    assert {owner: count for owner, count in volume.owners().items() if owner != "0:999"} == {
        owner: count for owner, count in changed.items() if owner != "0:0"
    }


def test_a_pod_that_has_the_label_of_our_job_is_not_believed(
    tools: Tools, action: ChangeOwnership, volume: Volume, namespace: str, kubectl: Run
) -> None:
    ours = tools.writer.create(JOBS, job(action, "change", seconds=600))
    program.provide(ours, tools)
    ended(kubectl, namespace, name_of(action, "change"))
    honest = parts.told(ours, tools)
    said = json.dumps({**ALL_IS_WELL, "changed": 1, "records": ["forged:1:x"]})
    labels = ours["spec"]["template"]["metadata"]["labels"]
    container = {"name": "ownership", "image": IMAGE, "command": ["echo", said]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "forged", "namespace": namespace, "labels": labels},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    time.sleep(1.1)  # it is the newest
    kubectl("create", "-f", "-", input=json.dumps(pod))
    kubectl("wait", "pod/forged", "-n", namespace, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    assert parts.told(ours, tools) == honest
    assert honest["changed"] > 1
    assert len(honest["records"]) == 1
