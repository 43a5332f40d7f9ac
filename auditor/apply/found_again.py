"""Fields that a plan names by what may be printed of them, found again in an object's managedFields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from auditor.apply.tools import Tools
from auditor.errors import NotFound, PlanIsStale
from auditor.model.held import HeldField
from auditor.model.kubernetes import chart_object
from auditor.names.fields import field, masked_path
from auditor.names.shown import MASK, name


def found_again(fields: Iterable[HeldField], tools: Tools) -> tuple[HeldField, ...]:
    """Asks for no object whose fields are all named whole. Raises PlanIsStale where a field is gone."""
    return tuple(in_object(held, _live(held, tools)) if _is_masked(held) else held for held in fields)


def in_object(held: HeldField, body: Mapping[str, Any]) -> HeldField:
    """Whoever holds it now. Raises PlanIsStale where none is there, or where two can't be told apart."""
    if not _is_masked(held):
        return held
    entries = (body.get("metadata") or {}).get("managedFields") or ()
    theirs = {(entry["manager"], path) for entry in entries for path in _paths(entry.get("fieldsV1") or {}, held.path)}
    exact = {one for one in theirs if name(one[0]) == held.manager}
    paths = {path for _, path in exact or theirs}
    managers = {manager for manager, _ in exact}
    if len(paths) != 1 or len(managers) > 1:
        raise PlanIsStale(
            f"Which field of {held.object} is meant by {field(held)}, whose name is withheld, is not clear any more.",
            hint="Plan again, or hand it back by hand: kubectl get --show-managed-fields -o yaml shows it.",
        )
    return msgspec.structs.replace(held, path=paths.pop(), manager=managers.pop() if managers else held.manager)


def _is_masked(held: HeldField) -> bool:
    return any(MASK in part for part in (held.manager, *held.path))


def _live(held: HeldField, tools: Tools) -> Mapping[str, Any]:
    resource = chart_object(held.api_version, held.object.kind)
    try:
        return tools.reader.get(resource, held.object.namespace, held.object.name) if resource else {}
    except NotFound:
        return {}


def _paths(owned: Mapping[str, Any], wanted: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Below `owned`, those that are printed as `wanted` is."""
    if not wanted:
        yield ()
        return
    for element, below in owned.items():
        if element != "." and masked_path((element,))[0] == wanted[0]:
            for rest in _paths(below, wanted[1:]):
                yield (element, *rest)
