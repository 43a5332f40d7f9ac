"""Build posit-audit's own image from the Dockerfile, without a Docker daemon and without a registry.

    python -m scripts.images.agent     prints the archive, for `kind load image-archive`

The images that the Dockerfile starts from are arguments: here Debian packages and the toolchain's Go compiler stand in
for them. How this machine reaches the package indexes (certificates, mirrors, proxies) is mounted while the image is
built, and is in no layer of it.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from auditor import __version__
from scripts import packages
from scripts.images.build import suite
from scripts.places import CHECKOUT, cache, hand_over
from scripts.progress import StepFailedError, only_one, run_step, say
from scripts.toolchain import build as toolchain

NAME = f"docker.io/library/posit-audit:{__version__}"
"""As manifests/ name it, written out."""
_BASE = "localhost/base"
_IN_BASE = "ca-certificates,coreutils,dash,findutils,python3,python3-pip,python3-venv"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_INPUTS = ("Dockerfile", ".dockerignore", "requirements.lock", "pyproject.toml", "README.md", "LICENSE")
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy")
_GO_SETTINGS = ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE")
_IN_USE_SECONDS = 3600
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def archive() -> Path:
    """The archive with the image of the checkout as it is now (a minute where none was built from it before)."""
    packages.ensure(packages.AGENT)
    folder = cache("images")
    wanted = folder / f"agent-{_digest()}.tar"
    with only_one(folder / "agent.lock", "building posit-audit's image"):
        if not wanted.is_file():
            _delete_old(folder)
            with tempfile.TemporaryDirectory(prefix="agent-", dir=folder) as scratch:
                _build(Path(scratch), wanted)
        wanted.touch()  # in use: see _delete_old
        hand_over(folder)
    return wanted


def _delete_old(folder: Path) -> None:
    """Archives that no run can be about to load: two checkouts build theirs side by side."""
    for archive in folder.glob("agent-*.tar"):
        if time.time() - archive.stat().st_mtime > _IN_USE_SECONDS:
            archive.unlink()


def _build(scratch: Path, wanted: Path) -> None:
    log = wanted.with_suffix(".log")
    log.unlink(missing_ok=True)
    storage = ["--root", str(scratch / "root"), "--runroot", str(scratch / "run"), "--storage-driver", "vfs"]
    buildah = ["buildah", *storage]
    say("Building posit-audit's image …")
    try:
        _base(buildah, log)
        run_step(
            "Building the Dockerfile",
            [
                *(*buildah, "build", "--isolation", "chroot", "--pull-never", "--layers=false"),
                *("--platform", f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}"),
                *("--build-arg", f"BASE={_BASE}", "--build-arg", f"GO={_BASE}"),
                *("--build-arg", f"VERSION={__version__}"),
                *_mounts(scratch, log),
                *("--tag", NAME, "--file", str(CHECKOUT / "Dockerfile"), str(CHECKOUT)),
            ],
            log=log,
            expected="a minute",
        )
        partial = wanted.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        run_step(
            "Writing its archive", [*buildah, "push", "--quiet", NAME, f"docker-archive:{partial}:{NAME}"], log=log
        )
        partial.rename(wanted)
    finally:
        # Mounts that a build which was cut off left behind would be deleted through.
        subprocess.run([*buildah, "umount", "--all"], capture_output=True, check=False)


def _base(buildah: list[str], log: Path) -> None:
    """What python:slim and golang are to the Dockerfile: Python with venv, a shell, and certificates."""
    tar = cache("images") / f"agent-base-{suite()}-{platform.machine()}-{_short(_IN_BASE)}.layer"
    if not tar.is_file():
        partial = tar.with_suffix(".tar")
        making = ["mmdebstrap", "--variant=extract", f"--include={_IN_BASE}", suite(), str(partial)]
        run_step("Unpacking Debian packages for its base", making, log=log, expected="a quarter of a minute")
        partial.rename(tar)
    container = _said([*buildah, "from", "scratch"])
    root = Path(_said([*buildah, "mount", container]))
    run_step("Filling its base", ["tar", "-C", str(root), "-xf", str(tar)], log=log)
    _said([*buildah, "umount", container])
    _said([*buildah, "commit", "--quiet", "--rm", container, _BASE])


def _mounts(scratch: Path, log: Path) -> list[str]:
    """What only this machine knows, for as long as the build lasts; and Go's caches: Helm was compiled here before."""
    go = toolchain.go_compiler(log)
    asked = json.loads(_said([go, "env", "-json"]))
    mounts = {
        _pip_settings(scratch): "/etc/pip.conf",
        _certificates(): _CERTIFICATES,
        _go_settings(scratch, asked): "/go/env",
        asked["GOROOT"]: "/usr/local/go",
        asked["GOMODCACHE"]: "/go/pkg/mod",
        asked["GOCACHE"]: "/go/cache",
    }
    for source in (asked["GOMODCACHE"], asked["GOCACHE"]):
        Path(source).mkdir(parents=True, exist_ok=True)
    return [part for source, target in mounts.items() for part in ("--volume", f"{source}:{target}")]


def _pip_settings(scratch: Path) -> Path:
    said = _said([sys.executable, "-m", "pip", "config", "list"])
    found = dict(re.findall(r"^\S*?\.([a-z-]+)='(.*)'$", said, re.MULTILINE))
    settings = {"cert": _CERTIFICATES, **{key: found[key] for key in _PIP_SETTINGS if key in found}}
    path = scratch / "pip.conf"
    path.write_text("\n".join(["[global]", *(f"{key} = {value}" for key, value in settings.items())]) + "\n")
    return path


def _go_settings(scratch: Path, asked: dict[str, str]) -> Path:
    path = scratch / "go.env"
    path.write_text("".join(f"{name}={asked[name]}\n" for name in _GO_SETTINGS if asked.get(name)))
    return path


def _certificates() -> Path:
    for named in (os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE"), _CERTIFICATES):
        if named and Path(named).is_file():
            return Path(named)
    raise StepFailedError(f"No certificates were found at {_CERTIFICATES}: install the package ca-certificates.")


def _said(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError(f"{' '.join(argv)} failed: {done.stderr.strip()[-800:]}")
    return done.stdout.strip()


def _digest() -> str:
    """Of everything that the image is made from."""
    sources = [CHECKOUT / name for name in _INPUTS]
    sources += [
        path for path in (CHECKOUT / "auditor").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    digest = hashlib.sha256(_IN_BASE.encode())
    for source in sorted(sources):
        digest.update(str(source.relative_to(CHECKOUT)).encode() + b"\0" + source.read_bytes())
    return f"{suite()}-{platform.machine()}-{digest.hexdigest()[:12]}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


if __name__ == "__main__":
    try:
        print(archive())
    except StepFailedError as problem:
        say(str(problem))
        raise SystemExit(1) from None
