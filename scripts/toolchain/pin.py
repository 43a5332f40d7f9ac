"""Write the Go module that a version of Kubernetes is compiled from, beside the others.

    python -m scripts.toolchain.pin 1.37.2

Afterwards KUBERNETES=1.37.2 asks for it; what is used unasked is build.KUBERNETES.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.progress import StepFailedError, run_step, say
from scripts.toolchain.build import KUBERNETES_PROGRAMS, MODULES, go_compiler

_HEAD = """\
// The Kubernetes programs of the local cluster, compiled from their Go module.
// Made by `python -m scripts.toolchain.pin {version}`.
module posit-audit.invalid/scripts/toolchain/kubernetes

go {go}

godebug default=go{minor}

tool (
{tools}
)

require (
\tk8s.io/kubernetes v{version}
{required}
)

// Staging modules: k8s.io/kubernetes replaces them with its own folders, which a module
// that requires it has to repeat with the released ones.
replace (
{replaced}
)
"""


def pin(version: str) -> Path:
    """The folder, with go.mod and go.sum in it."""
    folder = MODULES / f"v{version}"
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    go = go_compiler(log)
    found = _json(folder, go, "mod", "download", "-json", f"k8s.io/kubernetes@v{version}")
    theirs = _json(folder, go, "mod", "edit", "-json", found["GoMod"])
    staging = [each["Old"]["Path"] for each in theirs["Replace"]]
    released = f"v0.{version.partition('.')[2]}"
    required = {each["Path"]: released if each["Path"] in staging else each["Version"] for each in theirs["Require"]}
    text = _HEAD.format(
        version=version,
        go=theirs["Go"],
        minor=".".join(theirs["Go"].split(".")[:2]),
        tools="\n".join(f"\tk8s.io/kubernetes/cmd/{name}" for name in KUBERNETES_PROGRAMS),
        required="\n".join(f"\t{path} {its} // indirect" for path, its in required.items()),
        replaced="\n".join(f"\t{path} => {path} {released}" for path in staging),
    )
    (folder / "go.mod").write_text(text)
    run_step(f"Resolving what Kubernetes {version} needs", [go, "mod", "tidy"], log=log, cwd=folder)
    log.unlink()
    return folder


def _json(folder: Path, *command: str) -> dict[str, Any]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError(f"`{' '.join(command[1:])}` failed: {(done.stderr or done.stdout).strip()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    try:
        print(pin(sys.argv[1].removeprefix("v")))
    except StepFailedError as problem:
        say(str(problem))
        raise SystemExit(1) from None
