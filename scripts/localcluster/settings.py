"""What the programs of a cluster are told, as data.

Settings are written as JSON, which every one of these programs reads as YAML.
"""

from pathlib import Path
from typing import Any

from scripts.localcluster.network import POD_RANGE, Link
from scripts.localcluster.state import Cluster

PAUSE_IMAGE = "posit-audit.invalid/pause:1"
# Private to each node's mount namespace and gone with it: see node.py.
RUN = Path("/run")


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


def control_plane(cluster: Cluster, link: Link) -> dict[str, Any]:
    folder = cluster.folder
    identities = ("controller-manager", "scheduler", "kubelet", "proxy")
    return {
        **{f"{identity}.json": kubeconfig(folder, link, identity) for identity in identities},
        "kubelet-configuration.json": kubelet(cluster, folder, link.node, "kubelet-serving"),
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


def kubelet(cluster: Cluster, folder: Path, address: str, serving: str) -> dict[str, Any]:
    free = ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{folder}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{folder}/pki/{serving}.crt",
        "tlsPrivateKeyFile": f"{folder}/pki/{serving}.key",
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


def pod_network(pods: str) -> dict[str, Any]:
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
                    "dataDir": f"{RUN}/cni-ipam",
                    "ranges": [[{"subnet": pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }


def containerd(folder: Path, snapshotter: str) -> str:
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{folder}/containerd"
state = "{RUN}/containerd"
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
