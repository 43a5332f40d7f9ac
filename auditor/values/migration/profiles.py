"""The Launcher's profiles: overrides of the Job for everybody become the job base, all else needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auditor.model.keypath import KeyPath, join_key
from auditor.values.migration.draft import Draft, empty
from auditor.values.migration.rows import MappingRow

_EVERYBODY: Final = "*"
_OVERRIDES: Final = "job-json-overrides"
_CONTENT: Final = ["spec", "template", "spec", "containers", "0"]
_APPENDED: Final = ("containers", "initContainers", "volumes", "volumeMounts", "env", "tolerations")
_IDENTITY: Final = {"volumeMounts": "mountPath"}


def profiles(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    if empty(value):
        draft.drop(path)
        draft.note("dropped", path, "it is empty", row)
        return
    if not isinstance(value, Mapping):
        draft.note("decision", path, row.message, row)
        return
    for name, profile in value.items():
        here = (*path, name)
        if empty(profile):
            draft.drop(here)
            draft.note("dropped", here, "it is empty", row)
            continue
        if name != _EVERYBODY or not isinstance(profile, Mapping):
            draft.note("decision", here, row.message, row)
            continue
        for key, setting in profile.items():
            if key == _OVERRIDES and isinstance(setting, list):
                _overrides(draft, row, (*here, key), setting)
            else:
                draft.note("decision", (*here, key), row.message, row)


def _overrides(draft: Draft, row: MappingRow, path: KeyPath, overrides: list[Any]) -> None:
    """Each is ``{name, target: a JSON pointer into the Job, json: what to add there}``."""
    left = []
    for index, override in enumerate(overrides):
        target = _target(override, row) if isinstance(override, Mapping) else None
        if target is None or _placed(draft, target, override["json"], (*path, index, "json")):
            left.append(override)
            message = "this override can't be told apart from others at its place in the job base; write it there"
            draft.note("decision", (*path, index), message, row)
        else:
            draft.note("moved", (*path, index), "", row, to=target)
    if not left:
        draft.drop(path)
        draft.note("dropped", path, "no override is left in it", row)
    elif len(left) < len(overrides):
        draft.put(path, left)


def _target(override: Mapping[str, Any], row: MappingRow) -> str | None:
    """The place in the job base, as a row's `to`, or None for a pointer that has no counterpart there."""
    pointer = override.get("target")
    if not isinstance(pointer, str) or not pointer.startswith(("/spec/", "/metadata/")) or "json" not in override:
        return None
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    if parts[: len(_CONTENT)] == _CONTENT:
        parts[3:5] = ["containers[connect-content]"]
        rest = parts[4:]
    else:
        rest = parts
    if not rest:
        return None
    appends = rest[-1] == "-" or rest[-1].isdigit()
    middle = rest[:-1] if appends else rest
    if any(part == "-" or part.isdigit() for part in middle) or (
        appends and (not middle or middle[-1] not in _APPENDED)
    ):
        return None
    head = parts[:-1] if appends else parts
    text = ".".join([row.to, *(p if p.endswith("]") else join_key((p,)) for p in head)])
    return f"{text}[]" if appends else text


def _placed(draft: Draft, target: str, value: Any, source: KeyPath) -> bool:
    """Whether something else stands there already."""
    place = draft.target(target.removesuffix("[]"), source)
    last = str(place[-1])
    identity = _IDENTITY.get(last, "name")
    if target.endswith("[]"):
        return bool(draft.place_items(place, [(value, source)], source, identity))
    return bool(draft.place(place, value, source, source, identity))
