"""Edits of an object's managedFields: who holds which field, not what is in it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from auditor.apply.tools import Tools
from auditor.cluster.writer import FIELD_MANAGER
from auditor.errors import Conflict
from auditor.model.held import HeldField
from auditor.model.kubernetes import Resource

Entries = list[dict[str, Any]]
Path = tuple[str, ...]
_ATTEMPTS = 5
"""A Deployment's status changes all the time, and each change makes its resourceVersion an old one."""


def edit(
    tools: Tools, resource: Resource, live: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Entries | None]
) -> Mapping[str, Any]:
    """The object afterwards. `change` gets the object as it is, and gives None if nothing is to be done."""
    return retried(tools, resource, live, lambda now: patch(tools, resource, now, change(now)))


def retried(
    tools: Tools,
    resource: Resource,
    live: Mapping[str, Any],
    attempt: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """`attempt` gets the object as it is, again if another client was faster."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt(live)
        except Conflict:
            metadata = live["metadata"]
            live = tools.reader.get(resource, metadata["namespace"], metadata["name"])
    return attempt(live)


def patch(
    tools: Tools, resource: Resource, live: Mapping[str, Any], entries: Entries | None, *, dry_run: bool = False
) -> Mapping[str, Any]:
    """Its uid and resourceVersion are preconditions that the API server checks."""
    if not entries:
        return live
    metadata = live["metadata"]
    body = {
        "metadata": {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "managedFields": entries,
        }
    }
    return tools.writer.patch(resource, metadata["namespace"], metadata["name"], body, dry_run=dry_run)


def let_go(tools: Tools, resource: Resource, live: Mapping[str, Any], path: Path) -> None:
    """Our own hold on one field, which a change of ours left behind."""

    def change(body: Mapping[str, Any]) -> Entries | None:
        return without(body, [path], lambda entry: entry.get("manager") == FIELD_MANAGER)

    edit(tools, resource, live, change)


def holds(body: Mapping[str, Any], held: HeldField) -> bool:
    return any(_is_of(held)(entry) and _has(entry.get("fieldsV1") or {}, held.path) for entry in _entries(body))


def handed_back(body: Mapping[str, Any], fields: Iterable[HeldField]) -> Entries | None:
    """None if none of them is held any more."""
    found = [held for held in fields if holds(body, held)]
    if not found:
        return None
    for held in found:
        entries = without(body, [held.path], _is_of(held))
        body = {"metadata": {**body["metadata"], "managedFields": entries or _entries(body)}}
    return list(_entries(body))


def given_again(body: Mapping[str, Any], held: HeldField) -> Entries:
    """The reverse: in the entry that held it, which is made if it is gone. Ours gives it up."""
    entries = without(body, [held.path], lambda entry: entry.get("manager") == FIELD_MANAGER)
    entries = copy.deepcopy(_entries(body)) if entries is None else entries
    entry = next(filter(_is_of(held), entries), None)
    if entry is None:
        entry = {
            "manager": held.manager,
            "operation": held.operation,
            "apiVersion": held.entry_version or held.api_version,
            "fieldsType": "FieldsV1",
            **({"subresource": held.subresource} if held.subresource else {}),
        }
        entries.append(entry)
    below = entry.setdefault("fieldsV1", {})
    for key in held.path:
        below = below.setdefault(key, {})
    return entries


def without(
    body: Mapping[str, Any], paths: Iterable[Path], chosen: Callable[[Mapping[str, Any]], bool]
) -> Entries | None:
    """None if no chosen entry has any of the paths, or if nothing would be left: an empty list changes nothing."""
    entries = copy.deepcopy(_entries(body))
    changed = [_drop(entry.get("fieldsV1") or {}, path) for entry in entries if chosen(entry) for path in paths]
    left = [entry for entry in entries if entry.get("fieldsV1")]
    return left if any(changed) and left else None


def _entries(body: Mapping[str, Any]) -> Entries:
    return list(body["metadata"].get("managedFields") or ())


def _is_of(held: HeldField) -> Callable[[Mapping[str, Any]], bool]:
    wanted = (held.manager, held.operation, held.subresource)
    return lambda entry: (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "") == wanted


def _has(owned: Mapping[str, Any], path: Path) -> bool:
    for key in path:
        if key not in owned:
            return False
        owned = owned[key]
    return True


def _drop(owned: dict[str, Any], path: Path) -> bool:
    """Also the maps above that are empty then."""
    head, *rest = path
    if head not in owned:
        return False
    if not rest:
        del owned[head]
        return True
    dropped = _drop(owned[head], tuple(rest))
    if dropped and not owned[head]:
        del owned[head]
    return dropped
