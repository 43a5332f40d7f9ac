"""Who set a label, by the managedFields that the API server keeps of each object. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.cluster.writer import FIELD_MANAGER


def managers_of_label(body: Mapping[str, Any], key: str) -> frozenset[str]:
    """Names of the field managers that hold the label, by an update or by server-side apply. Empty also if the object
    has no managedFields: some clients strip them."""
    return frozenset(
        str(entry.get("manager", ""))
        for entry in body["metadata"].get("managedFields") or ()
        if f"f:{key}" in _labels_of(entry)
    )


def others(managers: frozenset[str]) -> tuple[str, ...]:
    """Without ourselves. Earlier versions of posit-audit applied the label, and this one mostly patches it; the name is
    the same for both."""
    return tuple(sorted(managers - {FIELD_MANAGER}))


def is_ours_alone(body: Mapping[str, Any], key: str) -> bool:
    return managers_of_label(body, key) == {FIELD_MANAGER}


def _labels_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry can be of any shape: whoever writes the object can write its managedFields too."""
    found: Any = entry.get("fieldsV1")
    for name in ("f:metadata", "f:labels"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
