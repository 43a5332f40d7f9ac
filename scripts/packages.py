"""Debian packages that the local cluster and its images are made with."""

import os
import shutil
import subprocess
from pathlib import Path

from scripts.progress import StepFailedError, only_one, run_step

CLUSTER = (
    "etcd-server",
    "containerd",
    "runc",
    "containernetworking-plugins",
    "busybox-static",
    "iptables",
    "conntrack",
    "iproute2",
    "mount",
    "openssl",
    "util-linux",
)
IMAGES = ("mmdebstrap", "busybox-static")
AGENT = ("buildah", "mmdebstrap")
LINT = ("shellcheck",)


def ensure(names: tuple[str, ...]) -> None:
    """Install what is missing with apt-get. Raises StepFailedError where that is not possible."""
    wanted = missing(names)
    if not wanted:
        return
    if not shutil.which("apt-get"):
        raise StepFailedError(f"The packages {' '.join(wanted)} are missing and there is no apt-get here.")
    if os.geteuid() != 0:
        raise StepFailedError(
            f"Debian packages are missing and only root can install them: sudo apt-get install {' '.join(wanted)}"
        )
    with only_one(Path("/run/posit-audit-apt.lock"), "installing Debian packages"):
        _install(missing(names))


def missing(names: tuple[str, ...]) -> list[str]:
    """Those of `names` that are not installed."""
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return found.stdout == "installed"


def _install(names: list[str]) -> None:
    if not names:  # another process was quicker
        return
    log = Path("/var/log/posit-audit-apt.log")
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *wait, *names]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    what = f"Installing Debian packages: {' '.join(names)}"
    try:
        run_step(what, install, log=log, env=env)
    except StepFailedError:
        run_step("Refreshing the list of Debian packages", ["apt-get", "update", "-q", *wait], log=log)
        run_step(what, install, log=log, env=env)


if __name__ == "__main__":
    ensure(tuple(dict.fromkeys((*CLUSTER, *IMAGES, *AGENT))))
