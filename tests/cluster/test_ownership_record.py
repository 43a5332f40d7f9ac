"""The record of former owners on a real volume, where the kubelet lets the server's group write it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.journal import Journal
from auditor.apply.progress import Silent
from auditor.apply.run import apply
from auditor.apply.tools import Tools, open_tools
from auditor.apply.undo import undo
from auditor.cluster.connect import connect
from auditor.model.action import Placement
from auditor.model.outcome import State
from auditor.model.plan import Plan
from auditor.settings import ClusterSettings
from tests.steps import ownership, planned, wanting

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
CONTENT, GROUP = 1234, 999
"""A program that is neither root nor the owner, and has but the server's group."""


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield opened


@pytest.fixture
def inside(kubectl: Run, namespace: str) -> Callable[..., str]:
    """`inside(script, text)`: run in a pod that has the claim with fsGroup; the pod starts with the first call."""

    def run(script: str, text: str = "") -> str:
        server: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "content", "namespace": namespace},
            "spec": {
                "securityContext": {"runAsUser": CONTENT, "runAsGroup": CONTENT, "fsGroup": GROUP},
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "content",
                        "image": IMAGE,
                        "command": ["sleep", "3600"],
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }
                ],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            },
        }
        if not kubectl("get", "pod", "content", "-n", namespace, "--ignore-not-found", "-o", "name"):
            kubectl("create", "-f", "-", input=json.dumps(server))
            kubectl("wait", "--for=condition=Ready", "pod/content", "-n", namespace, "--timeout=60s")
        return kubectl("exec", "-i", "content", "-n", namespace, "--", "sh", "-c", script, input=text)

    return run


def line(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x} {body}\n"


@pytest.mark.parametrize("shards", [1, 2])
def test_what_the_servers_group_wrote_into_the_record_is_refused_and_the_good_one_is_taken(
    tools: Tools,
    kubectl: Run,
    namespace: str,
    local_volume: Callable[..., Any],
    inside: Callable[..., str],
    tmp_path: Path,
    shards: int,
) -> None:
    volume = local_volume(namespace, files=200, access_modes=("ReadWriteMany",))
    entries = sum(volume.owners().values())
    uid = kubectl("get", "persistentvolumeclaim", "data", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    action = ownership("data", namespace, claim_uid=uid, placement=Placement(image=IMAGE), shards=shards)
    made = planned(wanting(action))
    plan = Plan(server=tools.server, context=made.context, steps=made.steps, held=made.held)
    journal = Journal.create(plan, tmp_path)
    (done,) = apply(plan, tools, journal, Silent())
    assert done.state is State.DONE, done.message
    assert len(done.details["records"]) == shards
    changed = {"999:999": entries, "0:999": shards}
    name = inside("ls -A /data | grep ^.posit-audit").split()[-1]
    assert volume.owners() == changed  # the kubelet gave the records to the group too
    honest = inside(f"cat /data/{name}")

    def refused(record: str, sentence: str) -> None:
        inside(f"cat > /data/{name}", record)
        (outcome,) = undo(Journal.open(journal.path), tools)
        assert outcome.state is State.REFUSED
        assert sentence in outcome.message
        assert name in outcome.message
        assert volume.owners() == changed

    bodies = [row[9:] for row in honest.splitlines()]
    refused(
        "".join(line(body.replace(" 0:0 ", f" {CONTENT}:{CONTENT} ")) for body in bodies),
        "was changed after the run that wrote it",
    )
    refused(honest + line(f"o 1 {CONTENT}:{CONTENT} 1"), "names more owners than")
    inside(f"cat > /data/{name}", honest)

    (taken,) = undo(Journal.open(journal.path), tools)

    assert taken.state is State.DONE, taken.message
    assert taken.details["changed"] == entries
    assert volume.owners() == {"0:0": entries, "0:999": shards}
