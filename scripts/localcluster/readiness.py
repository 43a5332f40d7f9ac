"""When a new cluster can be used."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from scripts.localcluster.network import Link
from scripts.localcluster.state import Cluster
from scripts.progress import StepFailedError, wait_until

_API_SECONDS = 90
_NODE_SECONDS = 120
# Volumes are made by hand (hostPath or local); WaitForFirstConsumer as with most drivers.
_STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "local",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def wait_for_api(cluster: Cluster, link: Link) -> None:
    """Until the API server answers and the container runtime listens; then make the StorageClass."""
    socket = cluster.folder / "containerd.sock"
    if not wait_until(lambda: socket.exists() and _answer(cluster, link, "/readyz") is not None, seconds=_API_SECONDS):
        raise StepFailedError(
            f"The API server or container runtime of {cluster.name!r} did not answer within {_API_SECONDS} s."
        )
    _send(cluster, link, "/apis/storage.k8s.io/v1/storageclasses", _STORAGE_CLASS)


def wait_for_node(cluster: Cluster, link: Link, name: str) -> None:
    """Until this node is Ready and pods may be created in namespace `default`."""

    def ready() -> bool:
        node = _json(_answer(cluster, link, f"/api/v1/nodes/{name}"))
        conditions = node.get("status", {}).get("conditions", [])
        account = _json(_answer(cluster, link, "/api/v1/namespaces/default/serviceaccounts/default"))
        return bool(account) and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    if not wait_until(ready, seconds=_NODE_SECONDS):
        raise StepFailedError(f"Node {name!r} was not Ready within {_NODE_SECONDS} s.")


def _answer(cluster: Cluster, link: Link, path: str) -> bytes | None:
    try:
        return _request(cluster, link, path, None)
    except (urllib.error.URLError, OSError):
        return None


def _send(cluster: Cluster, link: Link, path: str, body: dict[str, Any]) -> None:
    _request(cluster, link, path, json.dumps(body).encode())


def _json(answer: bytes | None) -> dict[str, Any]:
    return json.loads(answer) if answer else {}


def _request(cluster: Cluster, link: Link, path: str, body: bytes | None) -> bytes:
    pki = cluster.folder / "pki"
    trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    trust.load_cert_chain(str(pki / "admin.crt"), str(pki / "admin.key"))
    # A proxy of this machine's user must not get these requests.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    request = urllib.request.Request(
        f"https://{link.node}:6443{path}", data=body, headers={"Content-Type": "application/json"}
    )
    with opener.open(request, timeout=5) as answer:
        content: bytes = answer.read()
    return content
