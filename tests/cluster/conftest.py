"""What cluster tests work with. Nothing here knows which program runs the cluster but `node_shell`."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.images import agent
from scripts.images import build as stand_ins
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository, chart_repository
from tests.conftest import KIND_LOCAL, is_ours
from tests.estate import Estate

Run = Callable[..., str]


@pytest.fixture(scope="session")
def kubeconfig(kind_cluster: Any) -> Path:
    """The administrator's kubeconfig file; its current context is the cluster's."""
    return Path(kind_cluster.kubeconfig_path).absolute()


@pytest.fixture(scope="session")
def cluster_environment(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment for kubectl, helm and posit-audit: this cluster, and nothing of the person's home."""
    home = tmp_path_factory.mktemp("home")
    helm = {f"HELM_{kind}_HOME": str(home / f"helm-{kind.lower()}") for kind in ("CACHE", "CONFIG", "DATA")}
    path = f"{toolchain.ensure()}{os.pathsep}{os.environ['PATH']}"
    caches = {"KUBECACHEDIR": str(home / "kube-cache"), **helm}
    return {**os.environ, "PATH": path, "KUBECONFIG": str(kubeconfig), **caches}


@pytest.fixture(scope="session")
def kubectl(cluster_environment: dict[str, str]) -> Run:
    """`kubectl("get", "pods", input=..., check=True)` -> its standard output."""
    return _runner("kubectl", cluster_environment)


@pytest.fixture(scope="session")
def helm(cluster_environment: dict[str, str]) -> Run:
    """`helm("install", ..., check=True)` -> its standard output."""
    return _runner("helm", cluster_environment)


def _runner(program: str, environment: dict[str, str]) -> Run:
    def run(*arguments: str, input: str | None = None, check: bool = True) -> str:  # noqa: A002 - subprocess's word
        done = subprocess.run(
            [program, *arguments], input=input, env=environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            pytest.fail(f"{program} {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout if done.returncode == 0 else done.stderr

    return run


@pytest.fixture(scope="session")
def images(kind_cluster: Any) -> list[str]:
    """Load the products' stand-in images into the cluster; the names that exist there."""
    archive = stand_ins.products()
    loading = [str(kind_cluster.kind_path), "load", "image-archive", str(archive), "--name", kind_cluster.name]
    subprocess.run(loading, check=True)
    return stand_ins.names()


@pytest.fixture(scope="session")
def agent_image(kind_cluster: Any) -> str:
    """Build posit-audit's own image from the Dockerfile and load it into the cluster; its name there."""
    archive = agent.archive()
    loading = [str(kind_cluster.kind_path), "load", "image-archive", str(archive), "--name", kind_cluster.name]
    subprocess.run(loading, check=True)
    return agent.NAME


@pytest.fixture(scope="session")
def charts() -> Iterator[ChartRepository]:
    """The stand-in charts, as archives in a folder and served on loopback."""
    with chart_repository() as served:
        yield served


@pytest.fixture(scope="session")
def repository(charts: ChartRepository) -> str:
    """Their URL."""
    return charts.url


@pytest.fixture(scope="session")
def estate(
    images: list[str], cluster_environment: dict[str, str], kubeconfig: Path, state_folder: Path, repository: str
) -> Iterator[Estate]:
    """Four releases with planted faults. Who changes something in it leaves it as it was built."""
    folder = Path(cluster_environment["PATH"].split(":", maxsplit=1)[0])
    built = Estate(
        kubeconfig=kubeconfig,
        kubectl=folder / "kubectl",
        helm=folder / "helm",
        repository=repository,
        volumes=str(state_folder / "estate"),
    )
    built.build()
    yield built
    built.destroy()


@pytest.fixture
def make_namespace(kubectl: Run) -> Iterator[Callable[..., str]]:
    """`make_namespace("connect")` -> the name of a new namespace, `connect-1a2b3c4d`; deleted after the test."""
    made = []

    def make(prefix: str = "test", labels: dict[str, str] | None = None) -> str:
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}
        kubectl("create", "-f", "-", input=json.dumps(manifest))
        made.append(name)
        # Pods can be created as soon as this account exists.
        kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
        return name

    yield make
    for name in made:
        # Workloads first: a namespace that is deleted before its pods waits for their grace periods.
        workloads = "deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,pods"
        kubectl("delete", workloads, "--all", "-n", name, "--grace-period=1", "--wait=false", check=False)
        kubectl("delete", "namespace", name, "--wait=false", check=False)


@pytest.fixture
def namespace(make_namespace: Callable[..., str]) -> str:
    """A new namespace of this test's own."""
    return make_namespace()


@pytest.fixture(scope="session")
def state_folder(kind_cluster: Any) -> Path:
    """The cluster's folder as its node sees it."""
    if not is_ours(kind_cluster.kind_path):
        return Path("/var/local/posit-audit")
    asking = [str(KIND_LOCAL), "get", "folder", "--name", kind_cluster.name]
    return Path(subprocess.run(asking, check=True, capture_output=True, text=True).stdout.strip())


@pytest.fixture(scope="session")
def node_shell(kind_cluster: Any) -> Callable[[str], str]:
    """`node_shell("ls -n /path")` -> output of a shell script that root runs on the node."""
    if is_ours(kind_cluster.kind_path):
        shell = ["sh", "-euc"] if os.geteuid() == 0 else ["sudo", "sh", "-euc"]
    else:
        shell = ["docker", "exec", f"{kind_cluster.name}-control-plane", "sh", "-euc"]

    def run(script: str) -> str:
        return subprocess.run([*shell, script], check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def as_if_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test may change the template of a Job, to let a volume refuse: it is followed all the same."""
    monkeypatch.setattr("auditor.apply.own_jobs.same", lambda *_: True)


@pytest.fixture(scope="session")
def node_name(kubectl: Run) -> str:
    return kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume, the claim it is meant for, and the folder on the node that holds its files."""

    name: str
    claim: str
    path: Path
    shell: Callable[[str], str]

    def owners(self) -> dict[str, int]:
        """How many entries, the root folder included, belong to which `uid:gid`."""
        listed = self.shell(f"find '{self.path}' -printf '%U:%G\\n' | sort | uniq -c")
        return {owner: int(count) for count, owner in (line.split() for line in listed.splitlines())}


@pytest.fixture
def local_volume(
    kubectl: Run, node_shell: Callable[[str], str], node_name: str, state_folder: Path
) -> Iterator[Callable[..., Volume]]:
    """`local_volume(namespace, "claim", files=2000)` -> a Volume with root's files, ready to be bound.

    Files lie 100 in a folder, five folders deep. `claim=False` leaves it to a chart to make the claim.
    """
    made: list[Volume] = []

    def make(
        namespace: str,
        claim_name: str = "data",
        *,
        files: int = 0,
        owner: str = "0:0",
        access_modes: tuple[str, ...] = ("ReadWriteOnce",),
        kind: str = "local",
        storage_class: str = "local",
        claim: bool = True,
    ) -> Volume:
        name = f"{namespace}-{claim_name}"
        volume = Volume(name=name, claim=claim_name, path=state_folder / "volumes" / name, shell=node_shell)
        made.append(volume)
        node_shell(_FILL.format(path=volume.path, files=files, owner=owner))
        objects = [_volume(volume, namespace, node_name, access_modes, kind, storage_class)]
        if claim:
            objects.append(_claim(volume, namespace, access_modes, storage_class))
        kubectl("create", "-f", "-", input="\n---\n".join(json.dumps(each) for each in objects))
        if claim:
            # A pod that meets an unbound claim may wait five minutes before the scheduler looks at it again.
            bound = ("--for=jsonpath={.status.phase}=Bound", "--timeout=60s")
            kubectl("wait", f"persistentvolumeclaim/{claim_name}", "-n", namespace, *bound)
        return volume

    yield make
    for volume in made:
        kubectl("delete", "persistentvolume", volume.name, "--wait=false", check=False)
        node_shell(f"rm -rf '{volume.path}'")


_FILL = """
mkdir -p '{path}' && cd '{path}' && chmod 755 .
number=0
while [ "$number" -lt {files} ]; do
  hundred=$((number / 100))
  folder="packages/$((hundred % 5))/$hundred/src/contrib"
  mkdir -p "$folder"
  while : ; do
    : > "$folder/file-$number"
    number=$((number + 1))
    [ "$number" -lt {files} ] && [ $((number % 100)) -ne 0 ] || break
  done
done
chown -R {owner} '{path}'
"""


def _volume(
    volume: Volume, namespace: str, node: str, access_modes: tuple[str, ...], kind: str, storage_class: str
) -> dict[str, Any]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume.name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": list(access_modes),
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": storage_class,
            "claimRef": {"namespace": namespace, "name": volume.claim},
            kind: {"path": str(volume.path)},
            **({"nodeAffinity": affinity} if kind == "local" else {}),
        },
    }


def _claim(volume: Volume, namespace: str, access_modes: tuple[str, ...], storage_class: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": volume.claim, "namespace": namespace},
        "spec": {
            "accessModes": list(access_modes),
            "storageClassName": storage_class,
            "volumeName": volume.name,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


@pytest.fixture(scope="session")
def audit_events(
    kind_cluster: Any, state_folder: Path, node_shell: Callable[[str], str]
) -> Callable[[str], list[dict[str, Any]]]:
    """`audit_events("my-agent")` -> the API server's audit events whose user agent begins so, oldest first."""
    if not is_ours(kind_cluster.kind_path):
        pytest.fail("Only scripts/kind-local keeps an audit log: set POSIT_AUDIT_KIND to it.", pytrace=False)

    def read(user_agent: str = "") -> list[dict[str, Any]]:
        lines = node_shell(f"cat '{state_folder}/audit.log'").splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if event.get("userAgent", "").startswith(user_agent)]

    return read
