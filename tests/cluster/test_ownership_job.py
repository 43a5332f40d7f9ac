"""The ownership Job on a real cluster: large, cut off, in parts, and on volumes that refuse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.apply import program
from auditor.apply.actions import change_ownership
from auditor.apply.job_run import remove_running
from auditor.apply.ownership_job import job, name_of
from auditor.apply.progress import Silent
from auditor.apply.tools import Tools, open_tools
from auditor.cluster.connect import connect
from auditor.errors import ActionFailed
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.finding import Result
from auditor.model.kubernetes import JOBS
from auditor.model.outcome import State
from auditor.model.scope import ProbeMode
from auditor.pipeline import fix, undo
from auditor.pipeline.prepare import Consent, JobWishes, prepare
from auditor.pipeline.probe import look_by_jobs
from auditor.pipeline.scan import ScanRequest, scan
from auditor.pipeline.watch import watch
from auditor.settings import ClusterSettings
from tests.chart_repository import package_charts
from tests.steps import ownership

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
FILES = 100_000

# 200 directories, made by Python on the node: a shell would take a minute for what it does in three seconds.
_PLANT = """
python3 - <<'END'
import os
for number in range(200):
    folder = f"{path}/packages/{{number % 7}}/{{number}}"
    os.makedirs(folder)
    for file in range({files} // 200):
        os.close(os.open(f"{{folder}}/{{file}}", os.O_CREAT | os.O_WRONLY, 0o644))
END
"""


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield opened


@pytest.fixture
def action_on(kubectl: Run, namespace: str) -> Callable[..., ChangeOwnership]:
    def action(claim: str = "data", **fields: Any) -> ChangeOwnership:
        uid = kubectl("get", "persistentvolumeclaim", claim, "-n", namespace, "-o", "jsonpath={.metadata.uid}")
        return ownership(claim, namespace, claim_uid=uid, **{"placement": Placement(image=IMAGE), **fields})

    return action


def act(action: ChangeOwnership, tools: Tools, on_tick: Callable[[Mapping[str, Any]], None] = lambda _: None) -> Any:
    return change_ownership.act(action, tools, on_tick)


def pods_of(action: ChangeOwnership, kubectl: Run) -> list[dict[str, Any]]:
    selector = f"batch.kubernetes.io/job-name={name_of(action, 'change')}"
    return json.loads(kubectl("get", "pods", "-n", action.claim.namespace, "-l", selector, "-o", "json"))["items"]


def test_a_hundred_thousand_files_evicted_and_suspended_on_the_way(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], action_on: Callable[..., Any]
) -> None:
    volume = local_volume(namespace)
    volume.shell(_PLANT.format(path=volume.path, files=FILES))
    action = action_on()
    name = name_of(action, "change")
    # Slow enough to be met in the middle, whatever the disk.
    spec = job(action, "change", seconds=600)
    spec["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "60m", "memory": "512Mi"}}
    _start(tools, action, spec)
    first = _working_pod(action, kubectl)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": first, "namespace": namespace},
    }
    kubectl(
        "create",
        "--raw",
        f"/api/v1/namespaces/{namespace}/pods/{first}/eviction",
        "-f",
        "-",
        input=json.dumps(eviction),
    )
    second = _working_pod(action, kubectl, but=first)
    kubectl("delete", "pod", second, "-n", namespace, "--wait=false")
    third = _working_pod(action, kubectl, but=second)
    assert len({first, second, third}) == 3
    _suspended(kubectl, namespace, name, True)
    kubectl("wait", "--for=condition=Suspended", f"job/{name}", "-n", namespace, "--timeout=30s")
    threading.Timer(1, _suspended, (kubectl, namespace, name, False)).start()

    effect = act(action, tools)

    assert effect.state in (State.DONE, State.ALREADY)
    entries = FILES + 200 + 7 + 1 + 1
    assert volume.owners() == {"999:999": entries, "0:0": 1}


def test_a_job_looks_where_no_pod_runs_and_leaves_nothing_behind(
    kubeconfig: Path,
    kubectl: Run,
    helm: Run,
    namespace: str,
    local_volume: Callable[..., Any],
    images: list[str],
    tmp_path: Path,
) -> None:
    volume = local_volume(namespace, "pm-rstudio-pm-shared-storage", files=300, claim=False)
    before = volume.owners()
    storage = {"create": True, "accessModes": ["ReadWriteOnce"], "volumeName": volume.name, "storageClassName": ""}
    values = {"replicas": 0, "sharedStorage": {**storage, "requests": {"storage": "1Gi"}}}
    (chart,) = package_charts(tmp_path).glob("rstudio-pm-0.20.4.tgz")
    helm("install", "pm", str(chart), "-n", namespace, "-f", "-", input=json.dumps(values))
    settings = ClusterSettings(kubeconfig=str(kubeconfig))
    request = ScanRequest(namespaces=(namespace,), probe=ProbeMode.JOB, rules=("volume-files-wrong-owner",))

    told: list[str] = []
    (finding,) = scan(settings, request, look_by_jobs(settings, request, told.append)).findings

    assert "mounts it read-only" in told[0]
    assert finding.result is Result.FAILED, finding.message
    assert f"{sum(before.values()):,} of {sum(before.values()):,} entries" in finding.message
    assert volume.owners() == before
    assert kubectl("get", "jobs,pods", "-n", namespace, "-o", "name") == ""

    nobody_looked = scan(settings, request).findings[0]
    assert nobody_looked.result is Result.UNKNOWN
    assert "--probe job" in nobody_looked.how


def _suspended(kubectl: Run, namespace: str, name: str, value: bool) -> None:
    kubectl("patch", "job", name, "-n", namespace, "-p", json.dumps({"spec": {"suspend": value}}))


def _start(tools: Tools, action: ChangeOwnership, body: dict[str, Any]) -> None:
    program.provide(tools.writer.create(JOBS, body), tools)


def _working_pod(action: ChangeOwnership, kubectl: Run, *, but: str = "") -> str:
    """A pod that has told of progress."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pod in pods_of(action, kubectl):
            name = pod["metadata"]["name"]
            running = pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
            if (
                running
                and name != but
                and "progress" in kubectl("logs", name, "-n", action.claim.namespace, check=False)
            ):
                return name
        time.sleep(0.2)
    pytest.fail("no pod told of its progress")


def test_four_parts_give_what_one_gives_and_one_undo_takes_it_back(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], action_on: Callable[..., Any]
) -> None:
    volume = local_volume(namespace, files=2000, access_modes=("ReadWriteMany",))
    volume.shell(f"mkdir '{volume.path}/verify' && echo activation > '{volume.path}/verify/key'")
    entries = sum(volume.owners().values())
    action = action_on(shards=4, move_aside=("verify",))

    effect = act(action, tools)

    assert effect.state is State.DONE
    assert effect.details["changed"] == entries
    assert effect.details["moved_aside"] == 1
    states = 4
    assert volume.owners() == {"999:999": entries, "0:0": states}
    assert kubectl("get", "jobs,pods", "-n", namespace, "-o", "name") == ""

    taken = change_ownership.undo(action, tools, lambda _: None)

    assert taken.state is State.DONE
    assert volume.owners() == {"0:0": entries + states}
    assert volume.shell(f"cat '{volume.path}/verify/key'").strip() == "activation"


def test_whoever_comes_later_watches_the_job_to_its_end(
    tools: Tools,
    kubeconfig: Path,
    namespace: str,
    local_volume: Callable[..., Any],
    action_on: Callable[..., Any],
) -> None:
    volume = local_volume(namespace, files=100)
    action = action_on()
    _start(tools, action, job(action, "change", seconds=600))

    (outcome,) = watch(
        ClusterSettings(kubeconfig=str(kubeconfig)), (namespace,), all_namespaces=False, progress=Silent()
    )

    assert outcome.state is State.DONE, outcome.message
    assert outcome.object == action.claim
    assert "entries given to 999:999" in outcome.message
    assert volume.owners()["0:0"] == 1


def test_a_claim_that_only_one_pod_may_have_is_changed_and_given_back_while_the_server_is_stopped(
    kubeconfig: Path,
    kubectl: Run,
    helm: Run,
    namespace: str,
    local_volume: Callable[..., Any],
    images: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    modes = ("ReadWriteOncePod",)
    volume = local_volume(namespace, "pm-rstudio-pm-shared-storage", files=20, access_modes=modes, claim=False)
    entries = sum(volume.owners().values())
    storage = {"create": True, "accessModes": list(modes), "volumeName": volume.name, "storageClassName": ""}
    values = {"replicas": 1, "sharedStorage": {**storage, "requests": {"storage": "1Gi"}}}
    (chart,) = package_charts(tmp_path).glob("rstudio-pm-0.20.4.tgz")
    helm("install", "pm", str(chart), "-n", namespace, "-f", "-", "--wait", input=json.dumps(values))
    settings = ClusterSettings(kubeconfig=str(kubeconfig))
    request = ScanRequest(namespaces=(namespace,), rules=("volume-files-wrong-owner",))
    assert prepare(settings, request).plan.steps == ()

    told: list[str] = []
    prepared = prepare(settings, request, consent=Consent(unsafe=True), jobs=JobWishes(shards=4), tell=told.append)
    assert [sentence.partition(" is ")[2] for sentence in told] == [
        "worked on in one part, not in 4: it is ReadWriteOncePod, not ReadWriteMany."
    ]
    result = fix.carry_out(prepared, charts=(), helm="", progress=Silent())

    assert [type(step.action).__name__ for step in prepared.plan.steps] == [
        "ScaleWorkload",
        "ChangeOwnership",
        "ScaleWorkload",
    ]
    assert result.verified, result.outcomes
    assert len(result.verdicts) == 1  # one finding, in three steps
    # The kubelet gave fsGroup to the record too, and lets it write there; undo has to live with that.
    assert volume.owners() == {"999:999": entries, "0:999": 1}
    ready = "jsonpath={.status.readyReplicas}"
    assert kubectl("get", "deployment", "pm-rstudio-pm", "-n", namespace, "-o", ready) == "1"

    outcomes = undo.take_back(undo.find(settings, result.journal), helm="", progress=Silent())

    assert {outcome.state for outcome in outcomes} == {State.DONE}, outcomes
    assert {owner.partition(":")[0] for owner in volume.owners()} == {"0"}
    assert kubectl("get", "deployment", "pm-rstudio-pm", "-n", namespace, "-o", ready) == "1"


# --- volumes that refuse -----------------------------------------------------------------------------------------


def read_only(spec: dict[str, Any]) -> None:
    spec["containers"][0]["volumeMounts"][0]["readOnly"] = True


def full(spec: dict[str, Any]) -> None:
    """A memory file system of 256 KiB with another's files and not a byte left."""
    spec["volumes"][0] = {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "256Ki"}}
    filling = "cd /volume; mkdir d; for n in 1 2 3; do : > d/$n; done; chown -R 1234:1234 d; cat /dev/zero > d/1; true"
    server = spec["containers"][0]
    spec["initContainers"] = [{**server, "name": "fill", "command": ["sh", "-c", filling]}]


def squashed(spec: dict[str, Any]) -> None:
    """There is no NFS here: each chown of root's is refused as a server with root_squash refuses it."""
    refuse = (
        "import os\n"
        "def refuse(*_, **__): raise PermissionError(1, 'Operation not permitted')\n"
        "os.chown = os.lchown = os.fchown = refuse\n"
    )
    *shell, start, digest, program_, volume = spec["containers"][0]["command"][:8]
    rest = spec["containers"][0]["command"][8:]
    spec["containers"][0]["command"] = [*shell, refuse + start, digest, program_, volume, *rest]


def without_chown(spec: dict[str, Any]) -> None:
    spec["containers"][0]["securityContext"]["capabilities"]["add"] = ["DAC_OVERRIDE"]


@pytest.mark.usefixtures("as_if_ours")
@pytest.mark.parametrize(
    ("refusing", "sentence"),
    [
        (read_only, "is read-only here: mount the claim writable"),
        (full, "is full"),
        (squashed, "Root was refused every change of owner on"),
        (without_chown, "no CAP_CHOWN"),
    ],
)
def test_a_volume_that_refuses_is_told_in_a_sentence_and_the_log_stays(
    tools: Tools,
    kubectl: Run,
    namespace: str,
    local_volume: Callable[..., Any],
    action_on: Callable[..., Any],
    refusing: Callable[[dict[str, Any]], None],
    sentence: str,
) -> None:
    local_volume(namespace, files=50)
    action = action_on()
    body = job(action, "change", seconds=600)
    refusing(body["spec"]["template"]["spec"])
    _start(tools, action, body)
    with pytest.raises(ActionFailed, match=sentence) as failed:
        act(action, tools)
    assert f"kubectl logs -n {namespace} job/" in failed.value.hint
    assert kubectl("get", "jobs", "-n", namespace, "-o", "name").strip() == f"job.batch/{name_of(action, 'change')}"
    remove_running(action, "change", tools)
