"""What the Dockerfile makes: who runs in it, what is in it, and what of the building machine is not."""

from __future__ import annotations

import io
import json
import re
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import __version__
from scripts.images import agent

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[2]
SITE = re.compile(r"opt/posit-audit/lib/python[\d.]+/site-packages/([^/]+)-([^/-]+)\.dist-info/METADATA")


@pytest.fixture(scope="module")
def archive(machine_can: None) -> Iterator[tarfile.TarFile]:
    with tarfile.open(agent.archive()) as opened:
        yield opened


def read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None
    return member.read()


@pytest.fixture(scope="module")
def config(archive: tarfile.TarFile) -> dict[str, Any]:
    (manifest,) = json.loads(read(archive, "manifest.json"))
    assert manifest["RepoTags"] == [agent.NAME]
    found: dict[str, Any] = json.loads(read(archive, manifest["Config"]))
    return found


@pytest.fixture(scope="module")
def files(archive: tarfile.TarFile) -> dict[str, int]:
    """Path -> mode of everything in all layers."""
    (manifest,) = json.loads(read(archive, "manifest.json"))
    found = {}
    for layer in manifest["Layers"]:
        with tarfile.open(fileobj=io.BytesIO(read(archive, layer))) as opened:
            found.update({member.name.removeprefix("./"): member.mode for member in opened})
    return found


def test_it_runs_as_nobody_in_particular(config: dict[str, Any]) -> None:
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["posit-audit"]


def test_it_is_labelled_by_the_oci_convention(config: dict[str, Any]) -> None:
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "posit-audit"
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_it_holds_what_the_lock_file_says_and_nothing_for_developers(files: dict[str, int]) -> None:
    lock = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    installed = {m[1].lower().replace("_", "-").replace(".", "-"): m[2] for m in map(SITE.fullmatch, files) if m}
    assert installed.pop("posit-audit") == __version__
    assert installed == {name: lock[name] for name in installed}
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {re.split(r"[<>=~\[ ]", one)[0].lower() for one in asked["project"]["dependencies"]}
    assert names <= set(installed)
    developers = {re.split(r"[<>=~\[ ]", one)[0].lower() for one in asked["dependency-groups"]["dev"]}
    assert not developers & set(installed)
    assert "usr/local/bin/helm" in files


def test_the_machine_that_built_it_is_in_no_layer(files: dict[str, int], config: dict[str, Any]) -> None:
    """Its package indexes and certificates were mounted for as long as the build lasted."""
    assert "etc/pip.conf" not in files
    assert "etc/ssl/certs/ca-certificates.crt" not in files
    assert not [path for path in files if path.startswith(("go/", "usr/local/go/", "build/"))]
    variables = {entry.partition("=")[0] for entry in config["config"]["Env"]}
    assert variables == {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


def test_the_manifests_name_the_version_that_is_built() -> None:
    named = {
        image
        for manifest in (ROOT / "manifests").rglob("*.yaml")
        for image in re.findall(r"image: (\S+)", manifest.read_text())
    }
    assert named == {f"posit-audit:{__version__}"}
