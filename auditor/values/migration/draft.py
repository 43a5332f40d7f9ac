"""One document's changes while they are collected: what goes where, and what is said about it."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from auditor.model.keypath import MISSING, KeyPath, join_key, look_up, split_key
from auditor.model.migration import Note, NoteKind
from auditor.values.changes import Put
from auditor.values.document import Document
from auditor.values.editing import as_text, edited, put_in, same, take_out
from auditor.values.migration.rows import MappingRow

_PART: Final = re.compile(r"((?:\\.|[^.\[])+)(?:\[([^\]]+)\])?")


class Draft:
    """Sources are looked up in the document as it is, places in what it will be after the changes so far.

    held: keys that stay, because their new place holds something else in another file.
    """

    def __init__(self, document: Document, held: Collection[str] = ()) -> None:
        self.document = document
        self.held = held
        self.original = document.data
        self.puts: list[Put] = []
        self.drops: list[KeyPath] = []
        self.notes: list[Note] = []
        self.future: dict[str, Any] = copy.deepcopy(document.data)

    def finished(self) -> Document:
        return edited(self.document, self.puts, self.drops)

    def own(self, path: KeyPath) -> Any:
        """What the document holds at `path`, or MISSING."""
        return look_up(self.original, path)

    def note(self, kind: NoteKind, path: KeyPath, message: str, row: MappingRow, to: str = "") -> None:
        line, column = self.document.position(path)
        self.notes.append(
            Note(
                kind=kind,
                key=join_key(path),
                message=message or "the same settings in their new place",
                to=to,
                source=row.source,
                file=self.document.source,
                line=line,
                column=column,
            )
        )

    def drop(self, path: KeyPath) -> None:
        self.drops.append(path)
        take_out(self.future, path)

    def put(self, target: KeyPath, value: Any, *, source: KeyPath | None = None, near: KeyPath = ()) -> None:
        """`source` gives the value together with its comments, `near` only the place to stand."""
        self.puts.append(Put(target, value, source=source, near=near or None))
        put_in(self.future, target, copy.deepcopy(value))

    def blocked(self, target: KeyPath) -> bool:
        """Whether something that is not the map or list it would have to be stands on the way to `target`."""
        for length, part in enumerate(target):
            above = look_up(self.future, target[:length])
            if above is MISSING or empty(above):
                return False
            if not isinstance(above, list if isinstance(part, int) else dict):
                return True
        return False

    def place(self, target: KeyPath, value: Any, source: KeyPath | None, near: KeyPath, identity: str) -> list[KeyPath]:
        """Puts `value` where nothing is yet; maps and lists are merged. Returns what found its place taken, from here.

        `identity` tells the items of a list apart; without one, items that aren't there yet are added.
        """
        present = look_up(self.future, target)
        if self.blocked(target) or self._is_held(source):
            return [()]
        free = present is MISSING or empty(present)
        if free and not self._is_held_below(source):
            self.put(target, value, source=source, near=near)
        elif not free and same(present, value):
            pass
        elif (free or isinstance(present, dict)) and isinstance(value, Mapping):
            return [
                (key, *clash)
                for key, below in value.items()
                for clash in self.place((*target, key), below, source and (*source, key), near, identity)
            ]
        elif (free or isinstance(present, list)) and isinstance(value, list):
            items = [(item, source and (*source, index)) for index, item in enumerate(value)]
            return self.place_items(target, items, near, identity)
        else:
            return [()]
        return []

    def place_items(
        self, target: KeyPath, items: list[tuple[Any, KeyPath | None]], near: KeyPath, identity: str
    ) -> list[KeyPath]:
        """Each item, given with its source, becomes one of the list at `target`, made where there is none."""
        if self.blocked((*target, 0)):
            return [(index,) for index in range(len(items))]
        clashes: list[KeyPath] = []
        present = look_up(self.future, target)
        others = present if isinstance(present, list) else []
        length, known = len(others), {as_text(other) for other in others}
        names = {as_text(named(other, identity)) for other in others}
        for index, (item, source) in enumerate(items):
            if as_text(item) in known:
                continue
            name = identity and named(item, identity)
            if self._is_held(source) or (name and as_text(name) in names):
                clashes.append((index,))
                continue
            self.put((*target, length), item, source=source, near=near)
            length += 1
            known.add(as_text(item))
            names.add(as_text(name))
        return clashes

    def _is_held(self, source: KeyPath | None) -> bool:
        return source is not None and join_key(source) in self.held

    def _is_held_below(self, source: KeyPath | None) -> bool:
        here = join_key(source or ())
        return any(key.startswith((f"{here}.", f"{here}[")) for key in self.held)

    def drop_placed(self, path: KeyPath, value: Any, clashes: list[KeyPath]) -> None:
        """Drops what was placed elsewhere and leaves what clashed; a list stays whole when one of its items did."""
        if not clashes:
            self.drop(path)
        elif isinstance(value, Mapping):
            for key, below in value.items():
                deeper = [clash[1:] for clash in clashes if clash and clash[0] == key]
                self.drop_placed((*path, key), below, deeper)

    def target(self, text: str, near: KeyPath) -> KeyPath:
        """The path that a row's `to` stands for; a named item of a list is made where there is none."""
        path: KeyPath = ()
        for key, name in _PART.findall(text):
            path = (*path, *split_key(key))
            if not name:
                continue
            items = look_up(self.future, path)
            items = items if isinstance(items, list) else []
            found = next((i for i, item in enumerate(items) if named(item, "name") == name), len(items))
            path = (*path, found)
            if found == len(items) and not self.blocked((*path, "name")):
                self.put((*path, "name"), name, near=near)
        return path


def empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def named(item: Any, identity: str) -> Any:
    """What tells a list's item apart from the others, or None."""
    return item.get(identity) if isinstance(item, Mapping) else None
