"""The ownership Job loses a pod in ways that nobody asked it about, and goes on by itself; who watches it is told."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from auditor.apply import program
from auditor.apply.ownership_job import job, name_of
from auditor.apply.tools import Tools, open_tools
from auditor.cluster.connect import connect
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.kubernetes import JOBS
from auditor.model.outcome import State
from auditor.settings import ClusterSettings
from scripts.images import build as stand_ins
from tests.cluster.conftest import Run, Volume
from tests.conftest import is_ours
from tests.steps import ownership

# That a resumed part sees fewer entries depends on how far the part came: once in four runs it saw all of them.
pytestmark = [pytest.mark.cluster, pytest.mark.matrix]

IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
FILES, FOLDERS = 120_000, 600
SLOW = "30m"  # of a CPU for each pod: slow enough to be met in the middle

ENTRIES = FILES + FOLDERS + 1

_PLANT = """
import os, sys
root, folders, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(folders):
    os.mkdir(f"{root}/{number}")
    for file in range(files // folders):
        os.close(os.open(f"{root}/{number}/{file}", os.O_CREAT | os.O_WRONLY, 0o644))
"""

# Stops each process of a pod as soon as its log reports that thousands of owners have been changed, or lets them go on.
_SIGNAL = """
import contextlib, glob, os, re, signal, sys, time
uid, word, cluster = sys.argv[1:]
def works():
    for path in glob.glob(f"{cluster}/**/pods/*_{uid}/*/*.log", recursive=True):
        with open(path) as log:
            last = log.read().splitlines()[-1:]
        changed = re.search('"progress".*"changed": ([0-9]+)', last[0]) if last else None
        return changed and int(changed[1]) > 25000
def of_pod(process):
    with contextlib.suppress(OSError), open(f"/proc/{process}/mountinfo") as mounts:
        return f"{uid}/etc-hosts" in mounts.read()
while word == "SIGSTOP" and not works():
    time.sleep(0.02)
signalled = set()
while new := {process for process in os.listdir("/proc") if process.isdecimal() and of_pod(process)} - signalled:
    for process in new:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process), signal.Signals[word])
    signalled |= new
"""

# Fills the memory that a container may have from within its control group, as one more process of it would, until the
# kernel has killed one of the container's. Memory of a file without a name: no process looks large for it.
_FILL_MEMORY = """
import glob, os, sys
limits = ("memory.max", "memory.limit_in_bytes")
found = [path for limit in limits for path in glob.glob(f"/sys/fs/cgroup/**/*{sys.argv[1]}*/{limit}", recursive=True)]
group = os.path.dirname(found[0]) + "/cgroup.procs"
def processes():
    with open(group) as listed:
        return set(listed.read().split())
there = processes()
with open(group, "w") as joined:
    joined.write(str(os.getpid()))
memory, block = os.memfd_create("memory"), bytes(1 << 20)
while processes() >= there:
    os.write(memory, block)
"""


def python(script: str, *arguments: object) -> str:
    """For a shell."""
    return f"python3 - {shlex.join(map(str, arguments))} <<'END'\n{script}END\n"


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield opened


class Watch:
    """`posit-audit fix --watch` beside the test, with what it says on stderr so far."""

    def __init__(self, environment: dict[str, str], folder: Path, namespace: str) -> None:
        self.stderr = folder / f"{namespace}.stderr"
        watch = ["fix", "--watch", "-n", namespace, "-o", "json"]
        # So long it waits for the log of a pod whose node is gone.
        command = [sys.executable, "-m", "auditor", *watch, "--request-timeout=5"]
        with self.stderr.open("w") as said:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True)

    def said(self) -> str:
        return self.stderr.read_text()

    def outcome(self) -> dict[str, Any]:
        """At its end, which has to be a good one."""
        out, _ = self.process.communicate(timeout=180)
        assert self.process.returncode == 0, f"{out}\n{self.said()}"
        (outcome,) = json.loads(out)["outcomes"]
        return dict(outcome)


@pytest.fixture
def watching(cluster_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], Watch]]:
    """`watching(namespace)` -> a watch that has found the Job there."""
    begun: list[Watch] = []

    def begin(namespace: str) -> Watch:
        watch = Watch(cluster_environment, tmp_path, namespace)
        begun.append(watch)
        until("the watch finds the Job", lambda: "Give wrong entries" in watch.said())
        return watch

    yield begin
    for watch in begun:
        watch.process.kill()
        watch.process.communicate()


@pytest.fixture
def start(
    tools: Tools,
    kubectl: Run,
    make_namespace: Callable[..., str],
    local_volume: Callable[..., Volume],
) -> Callable[..., tuple[Volume, ChangeOwnership]]:
    """`start(shards=2)` -> a volume in a namespace of its own, and the action whose Job works on it, slowly. Every node
    sees this machine's files, as if one server exported them."""

    def begin(shards: int) -> tuple[Volume, ChangeOwnership]:
        namespace = make_namespace()
        volume = local_volume(namespace, access_modes=("ReadWriteMany",), kind="hostPath")
        volume.shell(python(_PLANT, volume.path, FOLDERS, FILES))
        uid = kubectl("get", "persistentvolumeclaim", volume.claim, "-n", namespace, "-o", "jsonpath={.metadata.uid}")
        action = ownership(volume.claim, namespace, claim_uid=uid, placement=Placement(image=IMAGE), shards=shards)
        body = job(action, "change", seconds=600)
        container = body["spec"]["template"]["spec"]["containers"][0]
        container["resources"] = {"limits": {"memory": "96Mi", "cpu": SLOW}}
        program.provide(tools.writer.create(JOBS, body), tools)
        return volume, action

    return begin


@pytest.fixture
def send(node_shell: Callable[[str], str], state_folder: Path) -> Callable[[dict[str, Any], str], str]:
    """`send(pod, "SIGSTOP")` waits until it is at work; `send(pod, "SIGCONT")`."""
    return lambda pod, word: node_shell(python(_SIGNAL, pod["metadata"]["uid"], word, state_folder))


@pytest.fixture
def working(
    kubectl: Run, send: Callable[[dict[str, Any], str], str]
) -> Callable[[ChangeOwnership], list[dict[str, Any]]]:
    """The pods of all parts, each held in the middle of its work: on a busy machine one part could otherwise be done
    before the other has begun."""

    def pods(action: ChangeOwnership) -> list[dict[str, Any]]:
        selector = f"batch.kubernetes.io/job-name={name_of(action, 'change')}"
        told = kubectl("get", "pods", "-n", action.claim.namespace, "-l", selector, "-o", "json")
        return list(json.loads(told)["items"])

    def all_held(action: ChangeOwnership) -> list[dict[str, Any]]:
        until("the pods are there", lambda: len(pods(action)) == action.shards)
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda pod: send(pod, "SIGSTOP"), pods(action)))
        return pods(action)

    return all_held


def container_of(pod: dict[str, Any]) -> str:
    return str(pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://"))


def until(what: str, done: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)


@pytest.fixture
def second_node(kind_cluster: Any, images: list[str], kubectl: Run) -> Iterator[tuple[str, Callable[[], None]]]:
    """Its name and what cuts its power. The cluster has one node again after the test."""
    if not is_ours(kind_cluster.kind_path):
        pytest.fail("Only scripts/kind-local can add a node: set POSIT_AUDIT_KIND to it.", pytrace=False)
    name = f"{kind_cluster.name}-worker"

    def kind(*arguments: str) -> None:
        subprocess.run([str(kind_cluster.kind_path), *arguments, "--name", kind_cluster.name], check=True)

    kind("create", "node")
    try:
        kind("load", "image-archive", str(stand_ins.products()))
        yield name, lambda: kind("delete", "node")
    finally:
        kind("delete", "node")
        kubectl("delete", "node", name, "--ignore-not-found")


def test_killed_for_want_of_memory_or_lost_with_its_node_the_work_goes_on(
    second_node: tuple[str, Callable[[], None]],
    start: Callable[..., tuple[Volume, ChangeOwnership]],
    watching: Callable[[str], Watch],
    working: Callable[[ChangeOwnership], list[dict[str, Any]]],
    send: Callable[[dict[str, Any], str], str],
    kubectl: Run,
    node_name: str,
    node_shell: Callable[[str], str],
) -> None:
    """Two Jobs in one test: the cluster takes a minute to give up the pods of a node that is gone."""
    node, cut_power = second_node
    volume, action = start(shards=2)
    watch = watching(action.claim.namespace)
    pods = {pod["spec"]["nodeName"]: pod for pod in working(action)}
    assert set(pods) == {node, node_name}

    cut_power()
    # Only who knows that it is off may do this, such as the cloud's controller.
    kubectl("delete", "node", node)
    send(pods[node_name], "SIGCONT")
    _killed_for_want_of_memory_it_goes_on(*start(shards=1), watching, working, send, kubectl, node_shell)

    outcome = watch.outcome()
    assert outcome["state"] == State.DONE
    # The other node took the part over, and did not begin it anew.
    assert outcome["details"]["seen"] < ENTRIES
    gone = ("was on a node that is gone from the cluster", "is gone; the Job made another")
    assert any(f"Pod {pods[node]['metadata']['name']} {befell}" in watch.said() for befell in gone), watch.said()
    assert volume.owners() == {"999:999": ENTRIES, "0:0": 2}


def _killed_for_want_of_memory_it_goes_on(
    volume: Volume,
    action: ChangeOwnership,
    watching: Callable[[str], Watch],
    working: Callable[[ChangeOwnership], list[dict[str, Any]]],
    send: Callable[[dict[str, Any], str], str],
    kubectl: Run,
    node_shell: Callable[[str], str],
) -> None:
    namespace = action.claim.namespace
    watch = watching(namespace)
    (pod,) = working(action)
    name = pod["metadata"]["name"]

    # Before the memory of what was killed is free again, the kernel may have killed this one too.
    node_shell(f"set +e\n{python(_FILL_MEMORY, container_of(pod))}ended=$?\n[ $ended = 0 ] || [ $ended = 137 ]")
    send(pod, "SIGCONT")

    kubectl("wait", f"pod/{name}", "-n", namespace, "--for=jsonpath={.status.phase}=Failed", "--timeout=30s")
    terminated = "jsonpath={.status.containerStatuses[0].state.terminated}"
    ended = json.loads(kubectl("get", "pod", name, "-n", namespace, "-o", terminated))
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    # The Job lets ten seconds pass before it makes the next pod.
    done = volume.owners()["999:999"]
    assert 0 < done < ENTRIES
    outcome = watch.outcome()
    assert outcome["state"] == State.DONE
    assert outcome["details"]["changed"] == ENTRIES - done
    assert done <= outcome["details"]["earlier"] <= ENTRIES
    assert outcome["details"]["seen"] < ENTRIES
    assert f"Pod {name} was killed for want of memory (its limit is 96Mi); the Job makes another" in watch.said()
    assert volume.owners() == {"999:999": ENTRIES, "0:0": 1}
