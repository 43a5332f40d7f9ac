"""Compile kube-score, the linter of the manifests, once into a cache folder outside the checkout."""

import shutil
from pathlib import Path

from scripts.places import cache
from scripts.progress import only_one, run_step
from scripts.toolchain import build as toolchain

VERSION = "v1.20.0"


def ensure() -> Path:
    """The program; compiled on the first call (about a minute)."""
    folder = cache("kube-score") / VERSION
    program = folder / "kube-score"
    with only_one(folder.with_suffix(".lock"), "compiling kube-score"):
        if not program.is_file():
            log, partial = folder.with_suffix(".log"), folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            run_step(
                f"Compiling kube-score {VERSION}",
                [toolchain.go_compiler(log), "install", f"github.com/zegl/kube-score/cmd/kube-score@{VERSION}"],
                log=log,
                cwd=partial,
                env={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOBIN": str(partial)},
                expected="a minute, once per machine",
            )
            partial.rename(folder)
    return program
