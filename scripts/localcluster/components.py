"""The programs of a cluster's nodes, as data."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.localcluster import settings
from scripts.localcluster.network import POD_RANGE, SERVICE_RANGE, WORKER, WORKER_POD_RANGE, Link
from scripts.localcluster.settings import RUN
from scripts.localcluster.state import Cluster

_ETCD = "http://127.0.0.1:2379"


@dataclass(frozen=True, kw_only=True)
class Component:
    """`early` ones are what the API server needs to answer; the others are started when it does."""

    name: str
    argv: list[str]
    early: bool = False


def write_plan(cluster: Cluster, link: Link, programs: Path, snapshotter: str) -> None:
    """Write every settings file and `node.json`, which the node's first process starts from."""
    components = _control_plane(cluster, link, programs)
    _write(cluster.folder, link, components, settings.control_plane(cluster, link), snapshotter, POD_RANGE)


def write_worker_plan(cluster: Cluster, link: Link, programs: Path, snapshotter: str) -> None:
    """The same for the second node: a runtime and a kubelet, which trust what the first node trusts."""
    folder = cluster.worker
    (folder / "pki").symlink_to(cluster.folder / "pki")
    components = [_containerd(folder), _kubelet(folder, programs, WORKER, cluster.worker_name)]
    told = {
        "kubelet.json": settings.kubeconfig(folder, link, "worker"),
        "kubelet-configuration.json": settings.kubelet(cluster, folder, WORKER, "worker-serving"),
    }
    _write(folder, link, components, told, snapshotter, WORKER_POD_RANGE)


def _write(
    folder: Path, link: Link, components: list[Component], told: dict[str, Any], snapshotter: str, pods: str
) -> None:
    for room in ("etc", "log", "kubelet", "containerd", "cni"):
        (folder / room).mkdir()
    for name, content in told.items():
        (folder / "etc" / name).write_text(json.dumps(content, indent=1))
    (folder / "etc" / "containerd.toml").write_text(settings.containerd(folder, snapshotter))
    (folder / "cni" / "10-ptp.conflist").write_text(json.dumps(settings.pod_network(pods), indent=1))
    plan = {
        "api_server": f"https://{link.node}:6443",
        "components": [asdict(component) for component in components],
    }
    (folder / "node.json").write_text(json.dumps(plan, indent=1))


def _control_plane(cluster: Cluster, link: Link, programs: Path) -> list[Component]:
    folder = cluster.folder
    etc, pki = folder / "etc", folder / "pki"
    return [
        Component(
            name="etcd",
            argv=[
                "etcd",
                f"--data-dir={RUN}/etcd",
                f"--listen-client-urls={_ETCD}",
                f"--advertise-client-urls={_ETCD}",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--logger=zap",
            ],
            early=True,
        ),
        _containerd(folder),
        Component(
            name="kube-apiserver",
            argv=[
                f"{programs}/kube-apiserver",
                f"--bind-address={link.node}",
                f"--advertise-address={link.node}",
                f"--etcd-servers={_ETCD}",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                "--allow-privileged=true",
                f"--client-ca-file={pki}/ca.crt",
                f"--tls-cert-file={pki}/apiserver.crt",
                f"--tls-private-key-file={pki}/apiserver.key",
                f"--kubelet-certificate-authority={pki}/ca.crt",
                f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
                f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
                "--kubelet-preferred-address-types=InternalIP",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={pki}/service-account.pub",
                f"--service-account-signing-key-file={pki}/service-account.key",
                f"--audit-policy-file={etc}/audit-policy.json",
                f"--audit-log-path={folder}/audit.log",
                "--profiling=false",
            ],
            early=True,
        ),
        Component(
            name="kube-controller-manager",
            argv=[
                f"{programs}/kube-controller-manager",
                f"--kubeconfig={etc}/controller-manager.json",
                "--bind-address=127.0.0.1",
                "--leader-elect=false",
                "--use-service-account-credentials=true",
                f"--service-account-private-key-file={pki}/service-account.key",
                f"--root-ca-file={pki}/ca.crt",
                f"--cluster-signing-cert-file={pki}/ca.crt",
                f"--cluster-signing-key-file={pki}/ca.key",
            ],
        ),
        Component(
            name="kube-scheduler",
            argv=[
                f"{programs}/kube-scheduler",
                f"--kubeconfig={etc}/scheduler.json",
                "--bind-address=127.0.0.1",
                "--leader-elect=false",
            ],
        ),
        _kubelet(folder, programs, link.node, cluster.node_name),
        Component(name="kube-proxy", argv=[f"{programs}/kube-proxy", f"--config={etc}/proxy-configuration.json"]),
    ]


def _containerd(folder: Path) -> Component:
    return Component(name="containerd", argv=["containerd", f"--config={folder}/etc/containerd.toml"], early=True)


def _kubelet(folder: Path, programs: Path, address: str, node_name: str) -> Component:
    return Component(
        name="kubelet",
        argv=[
            f"{programs}/kubelet",
            f"--config={folder}/etc/kubelet-configuration.json",
            f"--kubeconfig={folder}/etc/kubelet.json",
            f"--root-dir={folder}/kubelet",
            f"--node-ip={address}",
            f"--hostname-override={node_name}",
        ],
    )
