"""Create, load and delete clusters."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scripts import packages
from scripts.localcluster import certificates, components, kubeconfig, network, node, readiness
from scripts.localcluster.state import Cluster, Process, Record, known, root
from scripts.places import CHECKOUT
from scripts.progress import StepFailedError, only_one, say, wait_until
from scripts.toolchain import build as toolchain

_STOP_SECONDS = 60


def create(cluster: Cluster, config: Path, pause_archive: Path, owner: int | None) -> None:
    """Start a cluster and add its context to the kubeconfig file; on any failure nothing of it is left.

    Raises StepFailedError, also where a cluster of this name is running.
    """
    started = time.monotonic()
    packages.ensure(packages.CLUSTER)
    programs = toolchain.ensure()
    _remove_abandoned(cluster)
    with only_one(cluster.lock, f"creating or deleting cluster {cluster.name}"):
        record = cluster.read()
        if record and record.ready and record.node and record.node.alive():
            raise StepFailedError(
                f"Cluster {cluster.name!r} exists already: use it, or delete it first with "
                f"`scripts/kind-local delete cluster --name={cluster.name}`."
            )
        _remove(cluster)
        say(f"Creating cluster {cluster.name!r} …")
        try:
            record = _start(cluster, programs, owner)
            link = network.Link(record.link)
            readiness.wait_for_api(cluster, link)
            load_archive(cluster, pause_archive)
            readiness.wait_for_node(cluster, link, cluster.node_name)
            network.refuse_unless_local(link)
            kubeconfig.add(cluster, link, config, kubectl=programs / "kubectl")
        except BaseException as problem:
            words = _last_words(cluster)
            _keep_logs(cluster)
            _remove(cluster)
            if isinstance(problem, StepFailedError) and words:
                raise StepFailedError(f"{problem}\n{words}") from problem
            raise
        cluster.write(replace(record, ready=True))
    say(f"Cluster {cluster.name!r} is ready after {time.monotonic() - started:.0f} s.")


def delete(cluster: Cluster, config: Path) -> None:
    """End a cluster and take its context out of the kubeconfig file; nothing happens where there is none."""
    with only_one(cluster.lock, f"creating or deleting cluster {cluster.name}"):
        _remove(cluster)
        kubectl = toolchain.folder() / "kubectl"
        if config.exists() and kubectl.exists():
            kubeconfig.remove(cluster, config, kubectl=kubectl)


def running() -> list[str]:
    """The names of the clusters that are ready and alive."""
    alive = []
    for cluster in known():
        record = cluster.read()
        if record and record.ready and record.node and record.node.alive():
            alive.append(cluster.name)
    return alive


def load_archive(cluster: Cluster, archive: Path) -> None:
    """Import every image of an OCI or Docker archive into the container runtime of each node."""
    for folder in (cluster.folder, cluster.worker):
        if (folder / "containerd.sock").exists():
            _load(folder, archive)


def _load(folder: Path, archive: Path) -> None:
    importing = ["ctr", f"--address={folder}/containerd.sock", "--namespace=k8s.io", "images", "import"]
    done = subprocess.run(
        [*importing, f"--snapshotter={snapshotter()}", str(archive)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StepFailedError(f"{archive} could not be loaded into {folder}: {done.stderr.strip()}")


def _start(cluster: Cluster, programs: Path, owner: int | None) -> Record:
    with only_one(root() / "locks" / ".links", "choosing a cluster's addresses"):
        link = network.choose(cluster.name)
        cluster.folder.mkdir(parents=True)
        record = Record(link=link.number, owner=Process.of(owner) if owner else None)
        cluster.write(record)
    network.disconnect(link)
    certificates.make(cluster.folder / "pki", address=link.node, node_name=cluster.node_name)
    components.write_plan(cluster, link, programs, snapshotter())
    with begun(cluster.folder) as init:
        record = replace(record, node=Process.of(init))
        cluster.write(record)
        network.connect(link, init)
    return record


@contextmanager
def begun(folder: Path, entering: tuple[str, ...] = ()) -> Iterator[int]:
    """A node's first process, in namespaces of its own, by its id; it goes on where the block ends well. `entering`
    is a command that starts it elsewhere."""
    namespaces = [*entering, "unshare", "--net", "--pid", "--kill-child", "--mount-proc", "--mount"]
    with (folder / "log" / "node.log").open("wb") as log:
        outer = subprocess.Popen(
            [*namespaces, "--", sys.executable, "-m", "scripts.localcluster.node", str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
        )
    assert outer.stdin is not None  # it was asked for above
    with outer.stdin as door:
        init = _only_child(outer, outer.pid)
        yield _only_child(outer, init) if entering else init
        door.write(b"go\n")


def _only_child(outer: "subprocess.Popen[bytes]", parent: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children")
    if not wait_until(lambda: outer.poll() is not None or bool(children.read_text().strip()), seconds=10):
        raise StepFailedError("`unshare` started no process within 10 s.")
    if outer.poll() is not None:
        raise StepFailedError("This machine does not let us make namespaces: `unshare --net --pid --mount` failed.")
    return int(children.read_text().split()[0])


def _remove(cluster: Cluster) -> None:
    record = cluster.read()
    if record:
        if record.node and record.node.alive():
            end(record.node)
        network.disconnect(network.Link(record.link))
    _remove_control_groups(cluster)
    if cluster.folder.exists():
        shutil.rmtree(cluster.folder)


def end(init: Process) -> None:
    """A node's first process, and so everything on it, at once and without a word to anybody."""
    os.kill(init.pid, signal.SIGKILL)
    if not wait_until(lambda: not init.alive(), seconds=_STOP_SECONDS):
        raise StepFailedError(f"Process {init.pid} does not end.")


def _remove_control_groups(cluster: Cluster) -> None:
    hierarchies = Path("/sys/fs/cgroup")
    for top in (hierarchies / cluster.cgroup, *hierarchies.glob(f"*/{cluster.cgroup}")):
        for group, _, _ in os.walk(top, topdown=False):
            Path(group).rmdir()


def _remove_abandoned(but: Cluster) -> None:
    """Delete clusters whose owner has died, and those whose creation was killed half-way."""
    for cluster in known():
        if cluster == but:
            continue
        cluster.lock.parent.mkdir(parents=True, exist_ok=True)
        with cluster.lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            record = cluster.read()
            if record is None or not record.ready or (record.owner and not record.owner.alive()):
                say(f"Removing cluster {cluster.name!r}, which a process that has died left behind.")
                _remove(cluster)


def _last_words(cluster: Cluster) -> str:
    """The last line of each program that ended although nobody stopped it."""
    logs = cluster.folder / "log"
    lines = (logs / "node.log").read_text().splitlines() if (logs / "node.log").is_file() else []
    ended = dict.fromkeys(line.partition(" ")[0] for line in lines if line.endswith(node.ENDED))
    paths = [logs / f"{name}.log" for name in ended]
    return "\n".join(f"{path.stem} ended: {path.read_text().strip().splitlines()[-1]}" for path in paths)


def _keep_logs(cluster: Cluster) -> None:
    logs = cluster.folder / "log"
    if logs.is_dir():
        kept = root() / "failed" / cluster.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(logs, kept, ignore=shutil.ignore_patterns("pods", "containers"))
        say(f"The logs of its programs are kept in {kept}")


def snapshotter() -> str:
    """overlayfs, but plain copies where the folder lies on an overlay itself (inside a container)."""
    asked = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(root())], capture_output=True, text=True, check=True
    )
    return "native" if asked.stdout.strip() == "overlayfs" else "overlayfs"
