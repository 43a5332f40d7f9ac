"""A release's newest record, and its user-supplied values with edits made."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from auditor.apply.tools import Tools
from auditor.errors import NotFound, PlanIsStale
from auditor.helm.decode import decode_release
from auditor.model.action import ValueEdit
from auditor.model.helm import HelmRecord
from auditor.model.keypath import MISSING, look_up
from auditor.model.kubernetes import SECRETS, ObjectRef
from auditor.model.snapshot import ReleaseRef
from auditor.questions.license import file_key
from auditor.values import emit
from auditor.values.changes import Put
from auditor.values.editing import changed


def newest_record(tools: Tools, release: ReleaseRef) -> HelmRecord:
    """Raises PlanIsStale where Helm keeps none."""
    found = tools.reader.list(
        SECRETS, release.namespace, label_selector=f"owner=helm,name={release.name}", metadata_only=True
    )
    revisions = [int(item["metadata"]["labels"]["version"]) for item in found]
    if not revisions:
        raise PlanIsStale(
            f"Helm keeps no record of release {release} any more: it was uninstalled.", hint="Plan again."
        )
    return record_at(tools, release, max(revisions))


def planned_record(tools: Tools, release: ReleaseRef, revision: int, digest: str) -> HelmRecord:
    """The newest one. Raises PlanIsStale where it is not the one that the plan was made for."""
    record = newest_record(tools, release)
    refuse_if_changed(release, record, revision, digest)
    return record


def refuse_if_changed(release: ReleaseRef, record: HelmRecord, revision: int, digest: str) -> None:
    if (record.revision, record.values_digest) != (revision, digest):
        other = " with other values" if record.revision == revision else ""
        raise PlanIsStale(
            f"Release {release} is at revision {record.revision}{other} now, and the plan was made for revision"
            f" {revision}.",
            hint="Plan again.",
        )


def record_at(tools: Tools, release: ReleaseRef, revision: int) -> HelmRecord:
    name = f"sh.helm.release.v1.{release.name}.v{revision}"
    try:
        secret = tools.reader.get(SECRETS, release.namespace, name)
    except NotFound:
        raise PlanIsStale(f"Helm no longer keeps revision {revision} of release {release}.") from None
    return decode_release((secret.get("data") or {}).get("release") or "", f"Secret {release.namespace}/{name}")


def edited(values: Mapping[str, Any], edits: Iterable[ValueEdit]) -> dict[str, Any]:
    """The values with the edits made; what is already so stays so. A rename onto a key that is set drops the old key
    only: the chart goes by the new one as it is."""
    given = dict(values)
    puts: list[Put] = []
    drops: list[tuple[str, ...]] = []
    for edit in edits:
        present = look_up(given, edit.path) is not MISSING
        if edit.op == "set":
            puts.append(Put(path=edit.path, value=edit.value))
        elif present:
            drops.append(edit.path)
            if edit.op == "rename" and look_up(given, edit.to) is MISSING:
                puts.append(Put(path=edit.to, source=edit.path))
    return changed(given, puts, drops)


def looked_up(edits: Iterable[ValueEdit], tools: Tools) -> tuple[ValueEdit, ...]:
    """With the names that no plan holds, from their Secrets. Raises PlanIsStale where a Secret leaves a choice now."""
    return tuple(
        msgspec.structs.replace(edit, value=_key_of(edit.key_of, tools)) if edit.key_of else edit for edit in edits
    )


def as_found(edits: Iterable[ValueEdit], values: Mapping[str, Any]) -> tuple[ValueEdit, ...]:
    """With the names that these values have in their places: the Secret may be another one by now."""
    return tuple(
        msgspec.structs.replace(edit, value=None if (found := look_up(values, edit.path)) is MISSING else found)
        if edit.key_of
        else edit
        for edit in edits
    )


def _key_of(secret: ObjectRef, tools: Tools) -> str:
    try:
        data = tools.reader.get(SECRETS, secret.namespace, secret.name).get("data") or {}
    except NotFound:
        data = {}
    found = file_key(sorted(name for name, value in data.items() if base64.b64decode(value or "").strip()))
    if not found:
        raise PlanIsStale(f"{secret} no longer has one key that can be the license file.", hint="Plan again.")
    return found


def as_yaml(values: dict[str, Any]) -> bytes:
    """Text from which Helm reads exactly these values."""
    return ("\n".join(emit.block(values, 0)) + "\n" if values else "{}\n").encode()
