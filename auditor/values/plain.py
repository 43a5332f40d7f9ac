"""From nodes to plain values: dict, list, str, bool, int, float, None."""

from __future__ import annotations

import math
from typing import Any, Final

from auditor.errors import UnreadableValues
from auditor.values import scalars
from auditor.values.nodes import DEEPEST, Node, too_deep, unreadable

_MERGE: Final = f"{scalars.TAG}merge"
# go-yaml's own bounds against texts that blow up through aliases.
_FEW, _MANY = 400_000, 4_000_000


class Reader:
    """Reads one document's nodes; aliases are expanded into fresh values, so that nothing is shared."""

    def __init__(self, source: str, text: str = "") -> None:
        """`text` is what the nodes were read from; a hint may depend on it."""
        self.source = source
        self.text = text
        self.depth = 0
        self.decoded = 0
        self.from_aliases = 0
        self.open: list[int] = []

    def value(self, node: Node) -> Any:
        """Raises `UnreadableValues` for what Helm refuses: odd keys, NaN, self-containing or excessive aliases."""
        self._count(node)
        if node.kind != "scalar":
            return self._branch(node)
        value = self.scalar(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._problem(node, "infinite numbers and NaN are not allowed in values")
        return value

    def _branch(self, node: Node) -> Any:
        if self.depth > DEEPEST:
            raise too_deep(self.source, (node.line, node.column))
        self.depth += 1
        value: Any
        if node.kind == "alias":
            value = self._through(node, self.value)
        elif node.kind == "list":
            value = [self.value(item) for item in node.items]
        else:
            value = {}
            self._fill(node, value)
        self.depth -= 1
        return value

    def key(self, node: Node) -> str:
        target = target_of(node)
        if target.kind != "scalar":
            raise self._problem(node, "a map or list can't be the key of a map")
        try:
            return scalars.key_text(self.scalar(target))
        except ValueError as error:
            raise self._problem(node, str(error)) from None

    def scalar(self, node: Node) -> scalars.Scalar:
        if node.tag is None:
            return scalars.resolve_plain(node.text) if node.plain else node.text
        try:
            return scalars.resolve_tagged(node.text, node.tag)
        except ValueError as error:
            raise self._problem(node, str(error)) from None

    def _fill(self, node: Node, result: dict[str, Any]) -> None:
        for key, value in node.pairs:
            if is_merge(key):
                for source in self._merged(value):
                    self._count(source)
                    if source.kind == "alias":
                        self._through(source, lambda target: self._fill(target, result))
                    else:
                        self._fill(source, result)
                continue
            self._count(key)
            result[self.key(key)] = self.value(value)

    def _merged(self, value: Node) -> list[Node]:
        sources = value.items[::-1] if value.kind == "list" else [value]
        for source in sources:
            target = target_of(source)
            if target.kind != "map":
                raise self._problem(source, "'<<' takes a map or a list of maps")
        return sources

    def _through(self, alias: Node, read: Any) -> Any:
        target = target_of(alias)
        if id(target) in self.open:
            raise self._problem(alias, "an anchor contains itself")
        self.open.append(id(target))
        value = read(target)
        self.open.pop()
        return value

    def _count(self, node: Node) -> None:
        self.decoded += 1
        if not self.open:
            return
        self.from_aliases += 1
        share = 0.99 - 0.89 * min(1.0, max(0.0, (self.decoded - _FEW) / (_MANY - _FEW)))
        if self.from_aliases > 100 and self.decoded > 1000 and self.from_aliases > share * self.decoded:  # noqa: PLR2004
            raise self._problem(node, "aliases expand to far more than the file holds")

    def _problem(self, node: Node, problem: str) -> UnreadableValues:
        return unreadable(self.source, (node.line, node.column), problem, self.text)


def target_of(node: Node) -> Node:
    """The node itself, or the one that an alias stands for."""
    return node.items[0] if node.kind == "alias" else node


def is_merge(key: Node) -> bool:
    return key.kind == "scalar" and key.text == "<<" and (key.plain or key.tag == _MERGE)
