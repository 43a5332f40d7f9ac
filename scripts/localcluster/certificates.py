"""The cluster's certificates, made with openssl: one authority, a key pair for each identity."""

import subprocess
from pathlib import Path

from scripts.localcluster.network import API_SERVICE
from scripts.progress import StepFailedError

_DAYS = "365"
# File name -> subject. Organisation and common name are what RBAC's built-in bindings and the node
# authorizer look at: https://kubernetes.io/docs/setup/best-practices/certificates/
_CLIENTS = {
    "admin": "/O=system:masters/CN=kubernetes-admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    "apiserver-kubelet-client": "/O=system:masters/CN=kube-apiserver-kubelet-client",
}


def make(folder: Path, *, address: str, node_name: str) -> None:
    """Write ca, service-account and every identity as `<name>.crt` and `<name>.key` into `folder`."""
    folder.mkdir(mode=0o700)
    _key(folder / "ca.key")
    authority = ["-x509", "-new", "-key", str(folder / "ca.key"), "-subj", "/CN=posit-audit local cluster"]
    _openssl("req", *authority, "-days", _DAYS, "-out", str(folder / "ca.crt"))
    _key(folder / "service-account.key")
    _openssl("pkey", "-in", str(folder / "service-account.key"), "-pubout", "-out", str(folder / "service-account.pub"))
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    serving = [f"DNS:{name}" for name in names] + [f"IP:{ip}" for ip in (address, API_SERVICE, "127.0.0.1")]
    _signed(folder, "apiserver", "/CN=kube-apiserver", serving)
    for name, subject in _CLIENTS.items():
        _signed(folder, name, subject, [])
    make_node(folder, "kubelet", address=address, node_name=node_name)


def make_node(folder: Path, identity: str, *, address: str, node_name: str) -> None:
    """A kubelet's two key pairs: `<identity>`, by which it is known, and `<identity>-serving`."""
    subject = f"/O=system:nodes/CN=system:node:{node_name}"
    _signed(folder, f"{identity}-serving", subject, [f"IP:{address}"])
    _signed(folder, identity, subject, [])


def _key(path: Path) -> None:
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path))


def _signed(folder: Path, name: str, subject: str, alternative_names: list[str]) -> None:
    key, request, extensions = (folder / f"{name}.{kind}" for kind in ("key", "csr", "ext"))
    _key(key)
    _openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))
    usage = "serverAuth" if alternative_names else "clientAuth"
    lines = [f"extendedKeyUsage={usage}"]
    if alternative_names:
        lines.append(f"subjectAltName={','.join(alternative_names)}")
    extensions.write_text("\n".join(lines) + "\n")
    authority = ["-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"]
    output = ["-days", _DAYS, "-extfile", str(extensions), "-out", str(folder / f"{name}.crt")]
    _openssl("x509", "-req", "-in", str(request), *authority, *output)
    request.unlink()
    extensions.unlink()


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError(f"`openssl {arguments[0]}` failed: {done.stderr.strip()}")
