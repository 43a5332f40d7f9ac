"""Aliases and ``<<`` written out, each where it stands, so that what an anchor names can move or change."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from auditor.model.keypath import KeyPath, look_up
from auditor.values.changes import Branch, Put
from auditor.values.document import Document
from auditor.values.nodes import Node
from auditor.values.plain import Reader, is_merge
from auditor.values.regions import CannotSplice
from auditor.values.splicing import Splicer


def expanded(document: Document, sections: Collection[str]) -> Document:
    """The same values without the aliases that stand in these top-level sections or stand for something there.

    Raises `CannotSplice`.
    """
    root = document.root
    if root is None or root.kind != "map":
        raise CannotSplice
    reader = Reader(document.source)
    anchored = {id(node) for key, value in root.pairs if reader.key(key) in sections for node in _nodes(value)}
    tree = Branch()
    for path, node in _uses(root, (), reader):
        if path[0] in sections or any(id(alias.items[0]) in anchored for alias in _aliases(node)):
            tree.at(path).put = Put(path, look_up(document.data, path))
    return document.with_body(Splicer(document, []).spliced(tree, document.data)) if tree.below else document


def _uses(node: Node, path: KeyPath, reader: Reader) -> Iterator[tuple[KeyPath, Node]]:
    """The smallest places with aliases in them that can be written out."""
    if not any(_aliases(node)):
        return
    if node.kind == "list":
        apart = not node.flow and all(item.kind == "map" for item in node.items if any(_aliases(item)))
        below: list[tuple[str | int, Node]] = list(enumerate(node.items))
    else:
        apart = node.kind == "map" and not node.flow
        apart = apart and not any(is_merge(key) or key.kind == "alias" for key, _ in node.pairs)
        below = [(reader.key(key), value) for key, value in node.pairs] if apart else []
    if apart:
        for part, value in below:
            yield from _uses(value, (*path, part), reader)
    elif path and isinstance(path[-1], str):
        yield path, node
    else:
        raise CannotSplice


def _aliases(node: Node) -> Iterator[Node]:
    return (below for below in _nodes(node) if below.kind == "alias")


def _nodes(node: Node) -> Iterator[Node]:
    """The node and all below it, what aliases stand for left out."""
    yield node
    if node.kind != "alias":
        for below in [*node.items, *(part for pair in node.pairs for part in pair)]:
            yield from _nodes(below)
