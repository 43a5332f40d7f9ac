"""The worker's program as an immutable ConfigMap, named by its digest, so that Jobs of one version share it.

It goes when the last Job goes that it belongs to. What a Job's pod runs is settled by the digest in its own template:
another content under this name is refused there, and here before that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from auditor.apply.tools import Tools
from auditor.cluster.writer import FIELD_MANAGER
from auditor.errors import ActionFailed, Conflict, NotFound, PlanRefused
from auditor.model.kubernetes import CONFIG_MAPS
from auditor.worker import bundle
from auditor.worker.commands import PROGRAM_FOLDER

_LABELS = {
    "app.kubernetes.io/name": "posit-audit",
    "app.kubernetes.io/component": "worker",
    "app.kubernetes.io/managed-by": FIELD_MANAGER,
}
_ATTEMPTS = 5


def name() -> str:
    return f"posit-audit-worker-{bundle.digest()[:12]}"


def config_map(namespace: str, job: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name(),
            "namespace": namespace,
            "labels": _LABELS,
            **({"ownerReferences": [_owner(job)]} if job else {}),
        },
        "immutable": True,
        "data": {bundle.NAME: bundle.program().decode()},
    }


def volume() -> dict[str, Any]:
    return {"name": "program", "configMap": {"name": name(), "defaultMode": 0o444}}


def mount() -> dict[str, Any]:
    return {"name": "program", "mountPath": PROGRAM_FOLDER, "readOnly": True}


def provide(job: Mapping[str, Any], tools: Tools) -> None:
    """Sees to it that the program is there for as long as the Job is. Raises ActionFailed where something else has its
    name, ApiError."""
    namespace = job["metadata"]["namespace"]
    for _ in range(_ATTEMPTS):
        try:
            tools.writer.create(CONFIG_MAPS, config_map(namespace, job))
        except Conflict:
            pass  # That of another Job, or the answer to our own request was lost.
        else:
            return
        try:
            there = tools.reader.get(CONFIG_MAPS, namespace, name())
            _compared(there)
            if there["metadata"].get("deletionTimestamp"):
                tools.pause(1.0)
                continue
            owners = [*(there["metadata"].get("ownerReferences") or ())]
            if all(owner["uid"] != job["metadata"]["uid"] for owner in owners):
                version = there["metadata"]["resourceVersion"]
                body = {"metadata": {"resourceVersion": version, "ownerReferences": [*owners, _owner(job)]}}
                tools.writer.patch(CONFIG_MAPS, namespace, name(), body)
        except (Conflict, NotFound):
            tools.pause(0.5)  # It was changed or went away meanwhile.
            continue
        return
    raise ActionFailed(f"ConfigMap {namespace}/{name()} can't be kept: it is changed or deleted again and again.")


def rehearse(namespace: str, tools: Tools) -> None:
    """Raises PlanRefused where something else has its name, ApiError where it may not be made."""
    try:
        tools.writer.create(CONFIG_MAPS, config_map(namespace), dry_run=True)
    except Conflict:
        with suppress(NotFound):
            try:
                _compared(tools.reader.get(CONFIG_MAPS, namespace, name()))
            except ActionFailed as error:
                raise PlanRefused(error.message, hint=error.hint) from None


def _compared(there: Mapping[str, Any]) -> None:
    content = str((there.get("data") or {}).get(bundle.NAME, ""))
    if hashlib.sha256(content.encode()).hexdigest() != bundle.digest():
        raise swapped(there["metadata"]["namespace"])


def swapped(namespace: str) -> ActionFailed:
    return ActionFailed(
        f"ConfigMap {namespace}/{name()} does not hold the program of this version of posit-audit: its SHA-256 differs."
        " Nothing of what it holds was run.",
        hint="Find out who replaced it (kubectl get configmap --show-managed-fields), then delete it and run this"
        f" again: kubectl delete configmap -n {namespace} {name()}",
        details={"code": "digest-mismatch"},
    )


def _owner(job: Mapping[str, Any]) -> dict[str, str]:
    metadata = job["metadata"]
    return {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
