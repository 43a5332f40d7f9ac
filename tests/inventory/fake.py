"""A cluster in memory with the part of the reader's interface that inventory uses, and an account of what was asked.

Objects are what the API would give; tables, selectors and refusals follow the API server's own rules. `exec` runs the
command on this machine, so that a volume is a folder and the commands sent into pods are tested as they are.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from auditor.errors import ApiError, Forbidden, NotFound
from auditor.model.kubernetes import Resource

Json = dict[str, Any]


class ExecResult(SimpleNamespace):
    exit_code: int
    stdout: str
    stderr: str


class FakeReader:
    """`refused` holds (verb, resource) or (verb, resource, namespace); namespace "" is the list of all namespaces.
    `failing` maps (verb, resource) to the error to raise."""

    def __init__(self, *objects: Json) -> None:
        self.connection = SimpleNamespace(context="test", server="https://198.18.0.1:6443")
        self.objects = list(objects)
        self.refused: set[tuple[str, ...]] = set()
        self.failing: dict[tuple[str, str], ApiError] = {}
        self.requests: list[tuple[str, str, str, str]] = []
        self.environment: Mapping[str, str] | None = None
        self.prefix: Sequence[str] = ()
        """Before each command: what makes this machine what a container is."""
        self.exec_fails: Exception | None = None

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        self._ask("get", resource.plural, namespace, name)
        for one in self._all(resource, namespace if resource.namespaced else None):
            if one["metadata"]["name"] == name:
                return one
        raise NotFound(f"{resource.kind} {name} is not there (404).")

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Iterator[Json]:
        self._ask("list", resource.plural, namespace or "", label_selector)
        if resource.plural == "secrets":
            assert metadata_only, "nobody may list whole Secrets"
        for one in self._all(resource, namespace):
            labels = one["metadata"].get("labels") or {}
            about = one.get("involvedObject") or {}
            fields = {"type": one.get("type", ""), **{f"involvedObject.{key}": value for key, value in about.items()}}
            if _matches(label_selector, labels) and _matches(field_selector, fields):
                yield {"metadata": one["metadata"]} if metadata_only else one

    def table(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Iterator[Json]:
        self._ask("list", resource.plural, namespace or "", "as a table")
        for one in self._all(resource, namespace):
            spec = one["spec"]["template"]["spec"]
            selector = (one["spec"].get("selector") or {}).get("matchLabels") or {}
            yield {
                "namespace": one["metadata"]["namespace"],
                "name": one["metadata"]["name"],
                "labels": one["metadata"].get("labels") or {},
                "containers": ",".join(container["name"] for container in spec["containers"]),
                "images": ",".join(container["image"] for container in spec["containers"]),
                "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
            }

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
    ) -> ExecResult:
        self._ask("create", "pods/exec", namespace, pod)
        self._ask("get", "pods/exec", namespace, pod)
        if self.exec_fails:
            raise self.exec_fails
        try:
            done = subprocess.run(
                [*self.prefix, *command], input=stdin, capture_output=True, env=self.environment, check=False
            )
        except FileNotFoundError:
            return ExecResult(exit_code=127, stdout="", stderr="")
        return ExecResult(exit_code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())

    def asked(self, verb: str, resource: str) -> list[str]:
        """Names or selectors that were asked for."""
        return [name for asked, plural, _, name in self.requests if (asked, plural) == (verb, resource)]

    def _ask(self, verb: str, plural: str, namespace: str, name: str) -> None:
        self.requests.append((verb, plural, namespace, name))
        if (verb, plural) in self.failing:
            raise self.failing[verb, plural]
        if (verb, plural) in self.refused or (verb, plural, namespace) in self.refused:
            raise Forbidden(f"You may not {verb} {plural} in {namespace} (403).", hint=f"Ask for {verb} on {plural}.")

    def _all(self, resource: Resource, namespace: str | None) -> Iterator[Json]:
        for one in self.objects:
            if one["kind"] == resource.kind and namespace in (None, one["metadata"].get("namespace", "")):
                yield one


def _matches(selector: str, values: Mapping[str, str]) -> bool:
    return all(values.get(key) == value for key, value in re.findall(r"(?:^|,)([^,=]+)=([^,]*)", selector))


def body(kind: str, name: str, namespace: str = "posit", **fields: Any) -> Json:
    metadata = {"name": name, "uid": f"uid-of-{name}", "resourceVersion": "7"} | fields.pop("metadata", {})
    if namespace:
        metadata["namespace"] = namespace
    return {"kind": kind, "metadata": metadata, **fields}


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def helm_secret(
    release: str,
    chart: str,
    version: str,
    *,
    namespace: str = "posit",
    revision: int = 1,
    status: str = "deployed",
    values: Any = None,
    defaults: Mapping[str, Any] | None = None,
    manifest: str = "",
    apply_method: str = "",
) -> Json:
    """As Helm stores a revision."""
    content = {
        "name": release,
        "namespace": namespace,
        "version": revision,
        "info": {"status": status, "description": "Install complete"},
        "chart": {"metadata": {"name": chart, "version": version, "appVersion": "2026.08.0"}, "values": defaults or {}},
        "config": values,
        "manifest": manifest,
        **({"apply_method": apply_method} if apply_method else {}),
    }
    packed = base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()
    return body(
        "Secret",
        f"sh.helm.release.v1.{release}.v{revision}",
        namespace,
        type="helm.sh/release.v1",
        metadata={"labels": {"owner": "helm", "name": release, "status": status, "version": str(revision)}},
        data=encoded({"release": packed}),
    )
