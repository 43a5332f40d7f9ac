"""The cluster's context in a person's or a test's kubeconfig file, named as kind names it."""

import subprocess
from pathlib import Path

from scripts.localcluster.network import Link
from scripts.localcluster.state import Cluster
from scripts.places import hand_over, make_folder
from scripts.progress import StepFailedError


def add(cluster: Cluster, link: Link, config: Path, *, kubectl: Path) -> None:
    """Add context `kind-<name>` with an administrator's certificate, and make it the current one."""
    pki, name = cluster.folder / "pki", f"kind-{cluster.name}"
    make_folder(config.parent)
    edits = [
        ["set-cluster", name, f"--server=https://{link.node}:6443", f"--certificate-authority={pki}/ca.crt"],
        ["set-credentials", name, f"--client-certificate={pki}/admin.crt", f"--client-key={pki}/admin.key"],
    ]
    for edit in edits:
        _config(kubectl, config, *edit, "--embed-certs=true")
    _config(kubectl, config, "set-context", name, f"--cluster={name}", f"--user={name}")
    _config(kubectl, config, "use-context", name)
    hand_over(config)


def remove(cluster: Cluster, config: Path, *, kubectl: Path) -> None:
    name = f"kind-{cluster.name}"
    for edit in (["delete-context", name], ["delete-cluster", name], ["delete-user", name]):
        _config(kubectl, config, *edit, must=False)
    if _config(kubectl, config, "current-context", must=False) == name:
        _config(kubectl, config, "unset", "current-context")
    hand_over(config)


def _config(kubectl: Path, config: Path, *edit: str, must: bool = True) -> str:
    done = subprocess.run(
        [str(kubectl), "config", f"--kubeconfig={config}", *edit], capture_output=True, text=True, check=False
    )
    if must and done.returncode:
        raise StepFailedError(f"{config} could not be written: {done.stderr.strip()}")
    return done.stdout.strip()
