"""The second node of a cluster, which comes and goes while the cluster lives.

It has a kubelet, a runtime and folders of its own, and namespaces below the first node's, so that it ends with the
cluster. It sees the same files as the first, as if all of them came from one server. No service has an address on it:
its pods work on volumes and speak to nobody.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from scripts.localcluster import certificates, components, network, readiness
from scripts.localcluster.lifecycle import begun, end, load_archive, snapshotter
from scripts.localcluster.state import Cluster, Process, Record
from scripts.progress import StepFailedError, only_one, say, wait_until
from scripts.toolchain import build as toolchain

_RUNTIME_SECONDS = 60


def create(cluster: Cluster, pause_archive: Path) -> None:
    """Add it and wait until it is Ready. Raises StepFailedError, also where there is one."""
    with only_one(cluster.lock, f"creating or deleting cluster {cluster.name}"):
        record = _record(cluster)
        assert record.node is not None  # of a cluster that is ready
        if record.worker and record.worker.alive():
            raise StepFailedError(f"Node {cluster.worker_name!r} exists already.")
        shutil.rmtree(cluster.worker, ignore_errors=True)
        cluster.worker.mkdir()
        link = network.Link(record.link)
        pki = cluster.folder / "pki"
        certificates.make_node(pki, "worker", address=network.WORKER, node_name=cluster.worker_name)
        components.write_worker_plan(cluster, link, toolchain.ensure(), snapshotter())
        # Ends with the first node: the kernel ends a process namespace and those below it together.
        with begun(cluster.worker, ("nsenter", f"--target={record.node.pid}", "--pid", "--")) as init:
            cluster.write(replace(record, worker=Process.of(init)))
            network.connect_worker(link, record.node.pid, init)
        socket = cluster.worker / "containerd.sock"
        if not wait_until(socket.exists, seconds=_RUNTIME_SECONDS):
            raise StepFailedError(f"The container runtime of {cluster.worker_name!r} did not start.")
        load_archive(cluster, pause_archive)
        readiness.wait_for_node(cluster, link, cluster.worker_name)
    say(f"Node {cluster.worker_name!r} is ready.")


def delete(cluster: Cluster) -> None:
    """Cut its power: it ends in the middle of whatever it does, and its Node object stays."""
    with only_one(cluster.lock, f"creating or deleting cluster {cluster.name}"):
        record = _record(cluster)
        if record.worker and record.worker.alive():
            assert record.node is not None  # it ends before the first node does
            network.lose_worker(record.node.pid)
            end(record.worker)
        cluster.write(replace(record, worker=None))
        shutil.rmtree(cluster.worker, ignore_errors=True)


def _record(cluster: Cluster) -> Record:
    record = cluster.read()
    if record is None:
        raise StepFailedError(f"There is no cluster {cluster.name!r}.")
    return record
