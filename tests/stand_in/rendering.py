"""Runs Helm on the stand-in charts and reads what comes out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.chart_repository import ChartRepository, find_helm

Values = Mapping[str, Any]
Manifest = dict[str, Any]

NAMESPACE = "content-team"
CHARTS = [
    ("rstudio-connect", "0.7.4"),
    ("rstudio-connect", "0.21.0"),
    ("rstudio-pm", "0.3.9"),
    ("rstudio-pm", "0.5.29"),
    ("rstudio-pm", "0.20.4"),
]

STORAGE = {"sharedStorage": {"create": True}}
LOCAL = STORAGE | {"launcher": {"enabled": False}, "backends": {"kubernetes": {"enabled": False}}}
LAUNCHER = STORAGE | {"launcher": {"enabled": True}, "backends": {"kubernetes": {"enabled": False}}}
DIRECT = STORAGE | {"launcher": {"enabled": False}, "backends": {"kubernetes": {"enabled": True}}}

FULL_SET = {
    "helm.sh/chart",
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
}


class Refused(Exception):
    """Helm did not render; the text is what it printed."""


class Helm:
    """Runs helm with its caches below `home` and no cluster."""

    def __init__(self, repository: ChartRepository, home: Path) -> None:
        self.repository = repository
        self.home = home
        caches = {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        self.environment = os.environ | caches | {"KUBECONFIG": str(home / "no-cluster")}

    def run(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            [find_helm(), *arguments], capture_output=True, text=True, check=False, env=self.environment
        )
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    def written(self, values: Values) -> Path:
        path = self.home / "values.yaml"
        path.write_text(json.dumps(values))
        return path

    def template(self, chart: str, version: str, values: Values, release: str = "rel") -> list[Manifest]:
        archive = self.repository.archive(chart, version)
        text = self.run("template", release, archive, "--namespace", NAMESPACE, "--values", self.written(values))
        return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def only(manifests: list[Manifest], kind: str, suffix: str = "") -> Manifest:
    found = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"].endswith(suffix)]
    assert len(found) == 1, [f"{m['kind']} {m['metadata']['name']}" for m in manifests]
    return found[0]


def inventory(manifests: list[Manifest]) -> dict[str, bool]:
    """`Kind/name` of each object, and whether it carries the full set of labels."""
    listed = {}
    for manifest in manifests:
        labels = set(manifest["metadata"].get("labels", {}))
        assert labels in (set(), FULL_SET), "an object carries the full set of labels or none"
        listed[f"{manifest['kind']}/{manifest['metadata']['name']}"] = bool(labels)
    return listed


def gcfg(manifests: list[Manifest]) -> str:
    data = only(manifests, "ConfigMap", "-config")["data"]
    return str(next(text for name, text in data.items() if name.startswith("rstudio-")))


def pod_of(manifests: list[Manifest]) -> dict[str, Any]:
    template: dict[str, Any] = only(manifests, "Deployment")["spec"]["template"]
    return template


def container_of(manifests: list[Manifest]) -> dict[str, Any]:
    container: dict[str, Any] = pod_of(manifests)["spec"]["containers"][0]
    return container


def mounts_of(manifests: list[Manifest]) -> dict[str, str]:
    return {mount["mountPath"]: mount["name"] for mount in container_of(manifests)["volumeMounts"]}
