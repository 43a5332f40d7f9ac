"""Fields that a manager holds, as they are printed: keys of maps are anyone's words."""

from __future__ import annotations

import json

import msgspec

from auditor.model.held import HeldField, field_name
from auditor.names.shown import key, name


def masked(held: HeldField) -> HeldField:
    """As a plan holds it. What is masked is found again in the object's managedFields (apply/found_again.py)."""
    return msgspec.structs.replace(held, path=masked_path(held.path), manager=name(held.manager))


def masked_path(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_masked, path))


def field(held: HeldField) -> str:
    """`.spec.containers[name="rspm"].image`, `.data.****`."""
    return field_name(masked_path(held.path))


def _masked(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind != "k":
        return f"{kind}:{key(rest)}" if rest else element
    keys = {one: key(said) if isinstance(said, str) else said for one, said in json.loads(rest).items()}
    return f"k:{json.dumps(keys, separators=(',', ':'))}"
