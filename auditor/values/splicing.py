"""One pass over a document's text that takes regions out and puts lines in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from auditor.model.keypath import KeyPath
from auditor.values import emit, regions
from auditor.values.changes import Branch
from auditor.values.document import Document
from auditor.values.nodes import Node
from auditor.values.plain import Reader, is_merge
from auditor.values.regions import CannotSplice

_STEP: Final = (2, 4)
# A line that is a comment, or the heading of a section (anchor and tag included) with a comment beside it.
_COMMENT: Final = re.compile(
    r"""( *)(?:(?:"[^"]*"|'[^']*'|[^ #"'][^#"']*):(?:[ \t]+[&!]\S*)*[ \t]+)?(#[^\n]*\n?)""",
)


class Splicer:
    """`carried` are the places whose comments go with them; other comments of a removed part stay where they are."""

    def __init__(self, document: Document, carried: Iterable[KeyPath]) -> None:
        self.document = document
        self.text = document.body
        self.carried = [region for path in carried if (region := self._region(path)) is not None]
        # start, end, how far in (what is further in comes first at the same place), text
        self.splices: list[tuple[int, int, int, str]] = []
        self.step = _step(document.root)
        self.newline = "\r\n" if "\r\n" in self.text else "\n"

    def spliced(self, tree: Branch, wanted: dict[str, Any]) -> str:
        """The new text. Raises `CannotSplice`."""
        root = self.document.root
        if root is None:
            lines = emit.block(wanted, 0)
            self._insert(len(self.text), 0, lines)
        elif root.kind == "map" and not root.flow and root.pairs:
            self._map(root, (), tree, wanted)
        else:
            raise CannotSplice
        return self._assembled()

    def _map(self, node: Node, path: KeyPath, tree: Branch, wanted: dict[str, Any]) -> None:
        entries = self._entries(node)
        column = node.pairs[0][0].column - 1
        end = regions.region_end(self.text, node)
        for part, branch in tree.below.items():
            name, here = str(part), (*path, part)
            if name in entries:
                self._entry(entries[name], here, branch, wanted)
            elif name in wanted:
                beside = self._beside(entries, path, branch)
                lines = self._new_entry(name, branch, wanted[name], column)
                at = end if beside is None else beside
                self._insert(at, column, ["", *lines] if not path and self._is_spaced(at) else lines)

    def _entry(self, pair: tuple[Node, Node], path: KeyPath, branch: Branch, wanted: dict[str, Any]) -> None:
        name = str(path[-1])
        key, value = pair
        if name not in wanted:
            self._remove(regions.of_entry(self.text, key, value))
        elif branch.put is not None:
            self._replace(pair, branch, wanted[name])
        elif branch.below:
            below = wanted[name]
            if value.kind == "map" and value.pairs and not value.flow and isinstance(below, dict):
                self._map(value, path, branch, below)
            elif value.kind == "list" and value.items and not value.flow and isinstance(below, list):
                self._list(value, path, branch, below)
            elif self._in_flow(value, branch, below):
                return
            else:
                self._replace(pair, branch, below)

    def _list(self, node: Node, path: KeyPath, tree: Branch, wanted: list[Any]) -> None:
        column = regions.dash_column(self.text, node)
        for part, branch in tree.below.items():
            index = int(part)
            if index >= len(node.items):
                lines = self._new_item(branch, wanted[index], column)
                self._insert(regions.region_end(self.text, node), column, lines)
                continue
            item = node.items[index]
            if branch.put is not None and self._replace_scalar(item, wanted[index]):
                continue
            if item.kind != "map" or item.flow or not item.pairs or branch.put is not None:
                raise CannotSplice
            self._map(item, (*path, index), branch, wanted[index])

    def _in_flow(self, node: Node, tree: Branch, wanted: Any) -> bool:
        """Whether scalars that are there already are all that changes in a map in braces."""
        if node.kind != "map" or not node.flow or not isinstance(wanted, dict):
            return False
        entries, before = self._entries(node), len(self.splices)
        for part, branch in tree.below.items():
            name = str(part)
            done = name in entries and name in wanted
            if done and branch.put is not None:
                done = self._replace_scalar(entries[name][1], wanted[name])
            elif done:
                done = self._in_flow(entries[name][1], branch, wanted[name])
            if not done:
                del self.splices[before:]
                return False
        return True

    def _replace(self, pair: tuple[Node, Node], branch: Branch, value: Any) -> None:
        key, old = pair
        if self._replace_scalar(old, value):
            return
        region = regions.of_entry(self.text, key, old)
        begin = regions.line_start(self.text, region.head)
        first, *lines = self._new_entry(key.text, branch, value, region.column)
        lines = [first + regions.beside(self.text, old), *lines]
        self.splices.append((begin, region.end, 0, self._joined(lines)))

    def _replace_scalar(self, old: Node, value: Any) -> bool:
        if old.kind != "scalar" or old.style in ("|", ">") or old.anchor is not None:
            return False
        if isinstance(value, dict | list) and value:
            return False
        gap = " " if self.text[old.start - 1] == ":" else ""
        self.splices.append((old.start, old.end, 0, gap + emit.scalar(value)))
        return True

    def _new_entry(self, name: str, branch: Branch, value: Any, column: int) -> list[str]:
        put = branch.put
        if put is None and branch.below and isinstance(value, dict) and set(value) == set(map(str, branch.below)):
            lines = [f"{' ' * column}{emit.scalar(name)}:"]
            for part, below in branch.below.items():
                lines += self._new_entry(str(part), below, value[str(part)], column + self.step)
            return lines
        if put is None and isinstance(value, list) and set(branch.below) == set(range(len(value))):
            lines = [f"{' ' * column}{emit.scalar(name)}:"]
            for index, item in enumerate(value):
                lines += self._new_item(branch.below[index], item, column + self.step)
            return lines
        moved = None
        if put is not None and put.source is not None and not branch.below:
            moved = self._moved(put.source, column, name)
        return moved or emit.entry(name, value, column, self.step)

    def _new_item(self, branch: Branch, value: Any, column: int) -> list[str]:
        put = branch.put
        moved = None
        if put is not None and put.source is not None and not branch.below:
            moved = self._moved(put.source, column, None)
        if moved is not None:
            return moved
        if put is None and isinstance(value, dict) and set(value) == set(map(str, branch.below)):
            lines = [
                line
                for part, below in branch.below.items()
                for line in self._new_entry(str(part), below, value[str(part)], column + 2)
            ]
            return [f"{' ' * column}- {lines[0][column + 2 :]}", *lines[1:]]
        return emit.item(value, column, self.step)

    def _moved(self, source: KeyPath, column: int, name: str | None) -> list[str] | None:
        """The lines of `source` at another place, None where whole lines don't hold it."""
        region, found = self._region(source), self.document.entry(source)
        if region is None or found is None or isinstance(source[-1], int) is not (name is None):
            return None
        key = found[0]
        if name is not None and (key.kind != "scalar" or key.anchor is not None or key.tag is not None):
            return None
        rename = None if name is None or name == key.text else (emit.scalar(name), key.end - key.start)
        return regions.moved_lines(self.text, region, column, rename)

    def _region(self, path: KeyPath) -> regions.Region | None:
        parent, found = self.document.node(path[:-1]), self.document.entry(path)
        try:
            if found is None or parent is None:
                return None
            if isinstance(path[-1], int):
                return regions.of_item(self.text, parent, path[-1])
            return regions.of_entry(self.text, *found)
        except CannotSplice:
            return None

    def _entries(self, node: Node) -> dict[str, tuple[Node, Node]]:
        entries: dict[str, tuple[Node, Node]] = {}
        for key, value in node.pairs:
            name = Reader(self.document.source).key(key)
            if is_merge(key) or name in entries:
                raise CannotSplice
            entries[name] = (key, value)
        return entries

    def _beside(self, entries: dict[str, tuple[Node, Node]], path: KeyPath, branch: Branch) -> int | None:
        for origin in branch.origins():
            if origin[: len(path)] == path and len(origin) > len(path) and str(origin[len(path)]) in entries:
                region = regions.of_entry(self.text, *entries[str(origin[len(path)])])
                return regions.behind(self.text, region)
        return None

    def _is_spaced(self, at: int) -> bool:
        """Whether blank lines part the entries here."""
        behind = self.text[at : regions.line_end(self.text, at)]
        return bool(behind) and not behind.strip()

    def _remove(self, region: regions.Region) -> None:
        kept = "" if region in self.carried else self._comments(region)
        self.splices.append((region.start, region.end, 0, kept))

    def _comments(self, region: regions.Region) -> str:
        kept, at = "", region.start
        while at < region.end:
            inside = next((other for other in self.carried if other.start <= at < other.end), None)
            if inside is not None:
                at = inside.end
                continue
            stop = regions.line_end(self.text, at)
            comment = _COMMENT.match(self.text[at:stop])
            kept += comment[1] + comment[2] if comment else ""
            at = stop
        return kept

    def _insert(self, at: int, column: int, lines: list[str]) -> None:
        self.splices.append((at, at, -column, self._joined(lines)))

    def _joined(self, lines: list[str]) -> str:
        return "".join(line + self.newline for line in lines)

    def _assembled(self) -> str:
        result, done = "", 0
        for start, end, _, new in sorted(self.splices, key=lambda splice: splice[:3]):
            if start < done:
                raise CannotSplice
            result += self.text[done:start]
            if new and start == len(self.text) and result and not result.endswith("\n"):
                result += self.newline
            result += new
            done = end
        return result + self.text[done:]


def _step(root: Node | None) -> int:
    """How many columns the file's owner indents by, where that is usual."""
    for _, value in root.pairs if root is not None else ():
        if value.kind == "map" and not value.flow and value.pairs:
            step = value.pairs[0][0].column - 1
            return step if step in _STEP else _STEP[0]
    return _STEP[0]
