"""The programs of a cluster with their settings, as data.

Settings are written as JSON, which every one of these programs reads as YAML.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.localcluster.network import POD_RANGE, SERVICE_RANGE, Link
from scripts.localcluster.state import Cluster

PAUSE_IMAGE = "posit-audit.invalid/pause:1"
# Private to the cluster's mount namespace and gone with it: see node.py.
_RUN = Path("/run")
_ETCD = "http://127.0.0.1:2379"


@dataclass(frozen=True, kw_only=True)
class Component:
    """`early` ones are what the API server needs to answer; the others are started when it does."""

    name: str
    argv: list[str]
    early: bool = False


def write_plan(cluster: Cluster, link: Link, programs: Path, snapshotter: str) -> None:
    """Write every settings file and `node.json`, which the node's first process starts from."""
    folder = cluster.folder
    for room in ("etc", "log", "kubelet", "containerd", "cni"):
        (folder / room).mkdir()
    for name, settings in _settings(cluster, link).items():
        (folder / "etc" / name).write_text(json.dumps(settings, indent=1))
    (folder / "etc" / "containerd.toml").write_text(_containerd(folder, snapshotter))
    (folder / "cni" / "10-ptp.conflist").write_text(json.dumps(_pod_network(), indent=1))
    plan = {
        "api_server": f"https://{link.node}:6443",
        "components": [asdict(component) for component in _components(cluster, link, programs)],
    }
    (folder / "node.json").write_text(json.dumps(plan, indent=1))


def kubeconfig(folder: Path, link: Link, identity: str) -> dict[str, Any]:
    pki = folder / "pki"
    user = {"client-certificate": f"{pki}/{identity}.crt", "client-key": f"{pki}/{identity}.key"}
    server = {"server": f"https://{link.node}:6443", "certificate-authority": f"{pki}/ca.crt"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": server}],
        "users": [{"name": identity, "user": user}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": identity}}],
        "current-context": "local",
    }


def _components(cluster: Cluster, link: Link, programs: Path) -> list[Component]:
    folder = cluster.folder
    etc, pki = folder / "etc", folder / "pki"
    return [
        Component(
            name="etcd",
            argv=[
                "etcd",
                f"--data-dir={_RUN}/etcd",
                f"--listen-client-urls={_ETCD}",
                f"--advertise-client-urls={_ETCD}",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--logger=zap",
            ],
            early=True,
        ),
        Component(name="containerd", argv=["containerd", f"--config={etc}/containerd.toml"], early=True),
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
        Component(
            name="kubelet",
            argv=[
                f"{programs}/kubelet",
                f"--config={etc}/kubelet-configuration.json",
                f"--kubeconfig={etc}/kubelet.json",
                f"--root-dir={folder}/kubelet",
                f"--node-ip={link.node}",
                f"--hostname-override={cluster.node_name}",
            ],
        ),
        Component(name="kube-proxy", argv=[f"{programs}/kube-proxy", f"--config={etc}/proxy-configuration.json"]),
    ]


def _settings(cluster: Cluster, link: Link) -> dict[str, Any]:
    folder = cluster.folder
    identities = ("controller-manager", "scheduler", "kubelet", "proxy")
    return {
        **{f"{identity}.json": kubeconfig(folder, link, identity) for identity in identities},
        "kubelet-configuration.json": _kubelet(cluster, link),
        "proxy-configuration.json": {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": POD_RANGE,
            "hostnameOverride": cluster.node_name,
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "clientConnection": {"kubeconfig": f"{folder}/etc/proxy.json"},
            # The limits of connection tracking belong to the whole machine.
            "conntrack": {"maxPerCore": 0, "min": 0},
            "oomScoreAdj": 0,
        },
        "audit-policy.json": {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}],
        },
    }


def _kubelet(cluster: Cluster, link: Link) -> dict[str, Any]:
    folder = cluster.folder
    free = ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": link.node,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{folder}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{folder}/pki/kubelet-serving.crt",
        "tlsPrivateKeyFile": f"{folder}/pki/kubelet-serving.key",
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        # Runs on a machine that it doesn't own: no resource hierarchy of its own, no eviction for
        # a disk or memory that others fill, no requirement on swap or control group version.
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cluster.cgroup}",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "localStorageCapacityIsolation": False,
        "evictionHard": dict.fromkeys(free, "0%"),
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "resolvConf": "",
        "volumePluginDir": f"{folder}/kubelet-plugins",
        "serializeImagePulls": False,
    }


def _pod_network() -> dict[str, Any]:
    """Each pod has its own link to the node, so that the node routes, and kube-proxy sees, every packet."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": f"{_RUN}/cni-ipam",
                    "ranges": [[{"subnet": POD_RANGE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }


def _containerd(folder: Path, snapshotter: str) -> str:
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{folder}/containerd"
state = "{_RUN}/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{folder}/containerd.sock"
[{cri}]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
disable_apparmor = true
[{cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
[{cri}.containerd]
snapshotter = "{snapshotter}"
default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
"""
