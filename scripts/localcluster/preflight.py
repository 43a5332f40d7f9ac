"""Whether this machine can run a local cluster, before anything is tried."""

import os
import shutil
import subprocess
import sys

from scripts import packages

_IN_CONTAINER = "Start a Docker daemon: `make demo` and `make test` then run inside a container."


def why_not() -> str | None:
    """One sentence on what is missing and what to do; None where nothing is."""
    if not sys.platform.startswith("linux"):
        return f"The local cluster needs Linux. {_IN_CONTAINER}"
    if os.geteuid() != 0 and not _may_sudo():
        return "The local cluster needs root: run this as root or as a user who may use sudo."
    missing = packages.missing(packages.CLUSTER)
    if missing and not shutil.which("apt-get"):
        needed = ", ".join(missing)
        return f"The local cluster needs {needed} and there is no apt-get here to install them. {_IN_CONTAINER}"
    return None


def _may_sudo() -> bool:
    """True where sudo asks for no password, or can ask at a terminal."""
    if not shutil.which("sudo"):
        return False
    silent = subprocess.run(["sudo", "--non-interactive", "true"], capture_output=True, check=False)
    return silent.returncode == 0 or sys.stdin.isatty()
