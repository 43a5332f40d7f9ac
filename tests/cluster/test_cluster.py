"""The local cluster is a real Kubernetes, keeps to itself, and survives being killed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.localcluster import network
from scripts.localcluster.state import Cluster
from scripts.progress import StepFailedError
from tests.cluster.conftest import Run, Volume
from tests.conftest import KIND_LOCAL, is_ours

pytestmark = pytest.mark.cluster

PACKAGE_MANAGER = "rstudio/rstudio-package-manager:ubuntu2204-2024.04.4"


def _pod(name: str, **spec: Any) -> str:
    container = {"name": "main", "image": PACKAGE_MANAGER, **spec}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        }
    )


def test_node_is_ready(kubectl: Run) -> None:
    conditions = kubectl("get", "nodes", "-o", "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}")

    assert conditions == "True"


def test_pods_start_from_every_image_name_of_the_charts(kubectl: Run, namespace: str, images: list[str]) -> None:
    """No image is pulled: nothing could be. Those without a server of their own end at once."""
    for number, image in enumerate(images):
        kubectl("create", "-n", namespace, "-f", "-", input=_pod(f"pod-{number}", image=image, imagePullPolicy="Never"))

    started = "{.status.containerStatuses[0].containerID}"
    for number in range(len(images)):
        kubectl("wait", "-n", namespace, f"--for=jsonpath={started}", f"pod/pod-{number}", "--timeout=60s")


def test_a_pod_answers_probes_and_runs_commands(kubectl: Run, namespace: str, images: list[str]) -> None:
    probe = {"httpGet": {"path": "/__ping__", "port": 4242}, "periodSeconds": 1}
    restricted = {
        "runAsUser": 999,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    kubectl("create", "-n", namespace, "-f", "-", input=_pod("pm", readinessProbe=probe, securityContext=restricted))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/pm", "--timeout=60s")

    inside = kubectl("exec", "-n", namespace, "pm", "--", "id", "-u")

    assert inside.strip() == "999"


_WHERE = """
for named in python3 /opt/python/*/bin/python3; do
  "$named" -I -S -c 'import sys; print(sys.argv[1], sys.version_info >= (3, 8))' "$named" 2>/dev/null || true
done
printf 'x = 1\\n' > /tmp/program.py
python3 -I -S /tmp/program.py 2>&1 | grep -o 'python3: not found\\|SyntaxError.*' || true
find --version 2>/dev/null | grep -o 'GNU findutils' || true
"""
_OPT = "/opt/python/3.14.4/bin/python3 True"
_NOT_FOUND = "python3: not found"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("posit/package-manager:2026.08.0-ubuntu-24.04", [_OPT, _NOT_FOUND, "GNU findutils"]),
        ("posit/connect:2026.08.0-ubuntu-24.04", [_OPT, _NOT_FOUND, "GNU findutils"]),
        (PACKAGE_MANAGER, [_OPT, "/opt/python/default/bin/python3 True", _NOT_FOUND, "GNU findutils"]),
        ("posit/package-manager:python-on-path", ["python3 True", "GNU findutils"]),
        ("posit/package-manager:python-too-old", ["python3 False", "SyntaxError: invalid syntax", "GNU findutils"]),
        ("posit/package-manager:without-python", [_NOT_FOUND, "GNU findutils"]),
        ("posit/package-manager:only-busybox", [_NOT_FOUND]),
    ],
)
def test_stand_ins_keep_python_where_the_real_images_do(
    kubectl: Run, namespace: str, images: list[str], image: str, found: list[str]
) -> None:
    kubectl("create", "-n", namespace, "-f", "-", input=_pod("server", image=image))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/server", "--timeout=60s")

    said = kubectl("exec", "-n", namespace, "server", "--", "sh", "-c", _WHERE).splitlines()

    assert said == found


def test_a_failing_command_hands_its_exit_code_back(
    kubectl: Run, namespace: str, images: list[str], cluster_environment: dict[str, str]
) -> None:
    kubectl("create", "-n", namespace, "-f", "-", input=_pod("pm"))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/pm", "--timeout=60s")

    failing = ["kubectl", "exec", "-n", namespace, "pm", "--", "bash", "-c", "exit 7"]

    assert subprocess.run(failing, env=cluster_environment, capture_output=True, check=False).returncode == 7


def test_a_pod_reaches_the_api_server_and_other_services_and_nothing_beyond(
    kubectl: Run, namespace: str, images: list[str]
) -> None:
    """Service addresses work from pods; addresses outside the machine, and the machine's own, are refused."""
    kubectl("create", "-n", namespace, "-f", "-", input=_pod("pm"))
    kubectl("expose", "-n", namespace, "pod/pm", "--port=80", "--target-port=4242")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/pm", "--timeout=60s")
    curl = "curl --silent --insecure --max-time 5 --retry 5 --retry-all-errors --retry-delay 1"
    script = f"""
        {curl} https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/readyz; echo
        {curl} http://$0/__ping__
        curl --silent --max-time 2 http://192.0.2.1/ && echo reached || echo not reached
        curl --silent --max-time 5 http://$1/; echo $?
    """
    service = kubectl("get", "service", "pm", "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}")
    machine = ".".join([*node.split(".")[:3], str(int(node.split(".")[3]) - 1)])

    said = kubectl("exec", "-n", namespace, "pm", "--", "bash", "-c", script, service, machine)

    refused = "7"  # 28, curl's time-out, would mean that the answer took the machine's default route
    assert said.splitlines() == ["ok", "{}", "not reached", refused]


def test_a_job_changes_ownership_on_a_volume_through_its_claim(
    kubectl: Run, namespace: str, images: list[str], local_volume: Callable[..., Volume]
) -> None:
    volume = local_volume(namespace, "shared", files=250)
    before = volume.owners()
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "chown"},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": volume.claim}}],
                    "containers": [
                        {
                            "name": "chown",
                            "image": PACKAGE_MANAGER,
                            "command": ["chown", "-R", "999:999", "/data"],
                            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                            "securityContext": {"runAsUser": 0, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
                        }
                    ],
                }
            },
        },
    }
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(job))
    kubectl("wait", "-n", namespace, "--for=condition=Complete", "job/chown", "--timeout=60s")

    assert set(before) == {"0:0"}
    assert before["0:0"] > 250
    assert volume.owners() == {"999:999": before["0:0"]}


def test_a_service_account_without_a_role_may_nothing(
    kubectl: Run, namespace: str, cluster_environment: dict[str, str]
) -> None:
    account = f"system:serviceaccount:{namespace}:default"
    reading = ["kubectl", "get", "secrets", "-n", namespace, f"--as={account}"]

    refused = subprocess.run(reading, env=cluster_environment, capture_output=True, text=True, check=False)

    assert refused.returncode != 0
    assert "forbidden" in refused.stderr


def test_requests_are_in_the_audit_log(
    kubectl: Run, namespace: str, audit_events: Callable[..., list[dict[str, Any]]]
) -> None:
    kubectl("get", "configmaps", "-n", namespace)

    verbs = {
        event["verb"]
        for event in audit_events("kubectl")
        if event.get("objectRef", {}).get("namespace") == namespace and event["objectRef"]["resource"] == "configmaps"
    }

    assert verbs == {"list"}


class TestLifecycle:
    """What scripts/kind-local promises beyond one cluster."""

    @pytest.fixture(autouse=True)
    def _ours(self, kind_cluster: Any) -> None:
        if not is_ours(kind_cluster.kind_path):
            pytest.fail("These are about scripts/kind-local: set POSIT_AUDIT_KIND to it.", pytrace=False)

    @pytest.fixture
    def second(self, tmp_path: Path) -> Iterator[tuple[str, Path]]:
        """A name and a kubeconfig file for one more cluster, deleted after the test."""
        name, config = f"second-{os.getpid()}", tmp_path / "kubeconfig"
        yield name, config
        _kind("delete", "cluster", f"--name={name}", f"--kubeconfig={config}")

    @pytest.mark.matrix
    def test_two_clusters_side_by_side_do_not_see_each_other(
        self, kubectl: Run, kind_cluster: Any, namespace: str, second: tuple[str, Path]
    ) -> None:
        name, config = second
        _kind("create", "cluster", f"--name={name}", f"--kubeconfig={config}")

        other = kubectl("get", "nodes,namespaces", "-o", "name", f"--kubeconfig={config}").split()
        ours = kubectl("get", "nodes,namespaces", "-o", "name").split()

        assert {name, kind_cluster.name} <= set(_kind("get", "clusters").split())
        assert f"node/{name}-control-plane" in other
        assert f"namespace/{namespace}" not in other
        assert f"namespace/{namespace}" in ours

    @pytest.mark.matrix
    def test_a_killed_creation_does_not_stop_the_next_one(
        self, second: tuple[str, Path], node_shell: Callable[[str], str]
    ) -> None:
        """Killed without notice while its programs start: they end, and the same call then succeeds."""
        name, config = second
        creating = [str(KIND_LOCAL), "create", "cluster", f"--name={name}", f"--kubeconfig={config}"]
        cluster = Cluster(name=name)
        process = subprocess.Popen(creating, stderr=subprocess.DEVNULL)
        _until((cluster.folder / "log" / "kube-apiserver.log").exists)
        node_shell(f"kill -9 {' '.join(_running(f'--name={name}'))}")
        process.wait()
        left = cluster.read()
        assert left is not None
        assert left.node is not None

        _kind("create", "cluster", f"--name={name}", f"--kubeconfig={config}")

        assert name in _kind("get", "clusters").split()
        assert not left.node.alive()

    def test_a_cluster_whose_owner_was_killed_is_removed_by_the_next_creation(
        self, second: tuple[str, Path], tmp_path: Path
    ) -> None:
        name, config = second
        owner = subprocess.Popen(["sleep", "600"])
        abandoned = Cluster(name=f"abandoned-{os.getpid()}")
        arguments = (f"--name={abandoned.name}", f"--kubeconfig={tmp_path / 'abandoned'}")
        _kind("create", "cluster", *arguments, POSIT_AUDIT_OWNER=str(owner.pid))
        owner.kill()
        owner.wait()

        _kind("create", "cluster", f"--name={name}", f"--kubeconfig={config}")

        assert abandoned.name not in _kind("get", "clusters").split()
        assert not abandoned.folder.exists()

    def test_deleting_leaves_no_process_link_or_context_behind(self, second: tuple[str, Path]) -> None:
        name, config = second
        _kind("create", "cluster", f"--name={name}", f"--kubeconfig={config}")
        cluster = Cluster(name=name)
        record = cluster.read()
        assert record is not None

        _kind("delete", "cluster", f"--name={name}", f"--kubeconfig={config}")

        assert not cluster.folder.exists()
        assert name not in config.read_text()
        assert not Path("/sys/class/net", network.Link(record.link).device).exists()
        assert not _running(str(cluster.folder))

    def test_creating_a_cluster_that_exists_is_refused(self, kind_cluster: Any) -> None:
        creating = [str(KIND_LOCAL), "create", "cluster", "--name", kind_cluster.name]

        refused = subprocess.run(creating, capture_output=True, text=True, check=False)

        assert refused.returncode == 1
        assert "exists already" in refused.stderr

    def test_a_link_whose_packets_would_leave_the_machine_is_refused(self) -> None:
        """A link that was never made: the kernel would send its packets over the default route, or nowhere."""
        with pytest.raises(StepFailedError):
            network.refuse_unless_local(network.Link(0))


def _kind(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [str(KIND_LOCAL), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _until(check: Callable[[], bool]) -> None:
    while not check():
        time.sleep(0.05)


def _running(word: str) -> list[str]:
    """The ids of the processes that have this word in their command line."""
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if word in _command_line(path)]


def _command_line(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it ended meanwhile
        return ""
