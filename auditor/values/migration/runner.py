"""The mapping rows, interpreted: from the Launcher's values to the direct runner's, in one document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auditor.model.keypath import MISSING, KeyPath, join_key, look_up, split_key
from auditor.model.product import Product
from auditor.values.migration.draft import Draft, empty, named
from auditor.values.migration.images import runtime_images
from auditor.values.migration.profiles import profiles
from auditor.values.migration.rows import MappingRow, Transform, mapping_rows

_INERT: Final = "it had no effect, because the Launcher did not use templates"
_EMPTY: Final = "it is empty"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What the documents say together.

    runner: content leaves the Launcher for the direct runner. direct: it runs in the direct runner afterwards.
    templates: the Launcher used them.
    """

    chart: Product
    to_version: str
    runner: bool
    direct: bool
    templates: bool

    def takes(self, row: MappingRow) -> bool:
        return row.applies(self.chart, self.to_version, runner=self.runner, direct=self.direct)


def migrate_document(draft: Draft, release: Release) -> None:
    """Collects in `draft` what the rows call for."""
    for row in mapping_rows():
        path = split_key(row.key)
        value = draft.own(path)
        if value is MISSING or not release.takes(row):
            continue
        if row.templates and not release.templates:
            draft.drop(path)
            draft.note("dropped", path, _INERT, row)
        else:
            _TRANSFORMS[row.transform](draft, row, path, value)


def _switch(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    """Helm takes any value that Go's templates call true; so do these."""
    direct = split_key(row.to)
    if value:
        draft.put(path, False)
        draft.note("moved", path, row.message, row, to=row.to)
    present = look_up(draft.future, direct)
    if (present is MISSING and not value) or draft.blocked(direct):
        return
    if present is MISSING or not present:
        draft.put(direct, True, near=path)
    if present is not MISSING and not present:
        draft.note("kept", direct, "it is true now: content leaves the Launcher", row)


def _move(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    if (empty(value) and not row.keep_empty) or (value is False and row.false_is_empty):
        draft.drop(path)
        draft.note("dropped", path, _EMPTY, row)
        return
    if row.without or row.under:
        _move_fields(draft, row, path, value)
    elif isinstance(value, list) and any(_is_reserved(draft, item, row) for item in value):
        _move_items(draft, row, path, value)
    else:
        target = draft.target(row.to, path)
        _settle(draft, row, path, value, draft.place(target, value, path, path, row.identity))


def _append(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    """Item by item, so that the list at the new place can hold more."""
    if empty(value) or not isinstance(value, list):
        _move(draft, row, path, value)
    else:
        _move_items(draft, row, path, value)


def _move_fields(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    """A map, field by field: some can't go, some are overruled by another map that goes to the same place."""
    if not isinstance(value, Mapping):
        draft.note("decision", path, "a map is needed here; correct it and migrate again", row)
        return
    other = draft.own(split_key(row.under)) if row.under else MISSING
    for key, below in value.items():
        here = (*path, key)
        rival = look_up(other, (key,))
        if key in row.without:
            draft.drop(here)
            draft.note("dropped", here, row.without_message, row)
        elif rival is not MISSING and not (isinstance(rival, Mapping) and isinstance(below, Mapping)):
            draft.drop(here)
            draft.note("dropped", here, f"{row.under} overruled it", row)
        else:
            target = (*draft.target(row.to, path), key)
            to = f"{row.to}.{join_key((key,))}"
            _settle(draft, row, here, below, draft.place(target, below, here, here, row.identity), to)


def _move_items(draft: Draft, row: MappingRow, path: KeyPath, value: list[Any]) -> None:
    """A list, item by item: some names are not free to use."""
    reserved = [index for index, item in enumerate(value) if _is_reserved(draft, item, row)]
    for index in reserved:
        draft.note("dropped" if row.drop_reserved else "conflict", (*path, index), row.reserved_message, row)
    free = [(index, item) for index, item in enumerate(value) if index not in reserved]
    clashes: list[KeyPath] = []
    if free:
        items: list[tuple[Any, KeyPath | None]] = [(item, (*path, index)) for index, item in free]
        found = draft.place_items(draft.target(row.to, path), items, path, row.identity)
        clashes = [(free[int(clash[0])][0],) for clash in found]
    if not free and row.drop_reserved:
        draft.drop(path)
    elif reserved and not row.drop_reserved:
        for index, _ in free:
            draft.note("kept", (*path, index), f"it stands at {row.to} too; delete the list here", row)
    else:
        _settle(draft, row, path, value, clashes)


def _is_reserved(draft: Draft, item: Any, row: MappingRow) -> bool:
    name = named(item, row.identity)
    name = name.rstrip("/") if isinstance(name, str) else ""
    other = row.freed_by.get(name)
    return name in row.reserved and not (other and draft.own(split_key(other)))


def _settle(draft: Draft, row: MappingRow, path: KeyPath, value: Any, clashes: list[KeyPath], to: str = "") -> None:
    to = to or row.to
    draft.drop_placed(path, value, clashes)
    for clash in clashes:
        draft.note("conflict", (*path, *clash), f"{to} holds something else already; keep one", row, to=to)
    if _found_a_place(value, clashes):
        rest = "what did not clash stands there too; the list is left here whole" if isinstance(value, list) else ""
        draft.note("moved", path, (clashes and rest) or row.message, row, to=to)


def _found_a_place(value: Any, clashes: list[KeyPath]) -> bool:
    """Whether any part of `value` stands at its new place, where `clashes` did not."""
    if () in clashes or not clashes:
        return not clashes
    parts = value.items() if isinstance(value, Mapping) else enumerate(value)
    return any(_found_a_place(below, [clash[1:] for clash in clashes if clash[0] == key]) for key, below in parts)


def _drop(draft: Draft, row: MappingRow, path: KeyPath, _: Any) -> None:
    draft.drop(path)
    draft.note("dropped", path, row.message, row)


def _drop_if_colon(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    if isinstance(value, str) and ":" in value:
        _drop(draft, row, path, value)


def _keep(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    """Each key below that no other row took or spoke of."""
    for key in value if isinstance(value, Mapping) else ():
        here = join_key((*path, key))
        told = any(note.key == here or note.key.startswith((f"{here}.", f"{here}[")) for note in draft.notes)
        if not told and look_up(draft.future, (*path, key)) is not MISSING:
            draft.note("kept", (*path, key), row.message, row)


def _decide(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    if empty(value):
        _drop(draft, row, path, value)
    else:
        draft.note("decision", path, row.message, row)


def _decide_if_false(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    if not value:
        draft.note("decision", path, row.message, row)


_TRANSFORMS: Final[dict[Transform, Callable[[Draft, MappingRow, KeyPath, Any], None]]] = {
    "switch": _switch,
    "move": _move,
    "append": _append,
    "drop": _drop,
    "drop-if-colon": _drop_if_colon,
    "keep": _keep,
    "decide": _decide,
    "decide-if-false": _decide_if_false,
    "runtime-images": runtime_images,
    "profiles": profiles,
}
