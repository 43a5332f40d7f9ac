"""Changes of a values document as splices of its text.

All changes of one `edited` call are meant for the document as it was. The result is always checked: it must hold
exactly the values that the changes call for, else the next, coarser way is tried, which re-writes more of the text
and so loses comments there. The document that comes out names them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from auditor.errors import UnreadableValues
from auditor.model.keypath import MISSING, KeyPath, look_up
from auditor.values import emit
from auditor.values.changes import Branch, Put
from auditor.values.comments import lost
from auditor.values.document import Document
from auditor.values.expanding import expanded
from auditor.values.nodes import Node
from auditor.values.plain import is_merge
from auditor.values.regions import CannotSplice
from auditor.values.splicing import Splicer


def edited(document: Document, puts: Sequence[Put] = (), drops: Sequence[KeyPath] = ()) -> Document:
    """The document with `drops` taken out (parents that become empty go too), then `puts` put in.

    A source of a put stays where it is unless it is dropped too. Without changes the document itself.
    Raises `UnreadableValues` only where no text can hold the values (a key longer than YAML allows).
    """
    wanted = changed(document.data, puts, drops)
    if same(wanted, document.data):
        return document
    sections = {str(path[0]) for path in (*drops, *(path for put in puts for path in (put.path, put.source))) if path}
    ways: tuple[Callable[[], str], ...] = (
        lambda: _spliced(document, wanted, puts, drops),
        lambda: _spliced(expanded(document, sections), wanted, puts, drops),
        lambda: _spliced(_expanded(document), wanted, puts, drops),
        lambda: _rewritten(_expanded(document), wanted),
        lambda: _whole(document, wanted),
    )
    for way in ways:
        try:
            result = document.with_body(way())
        except (CannotSplice, UnreadableValues):
            continue
        if same(result.data, wanted):
            return result.without(lost(document, result, puts, drops))
    raise UnreadableValues(f"{document.source}: the changed values can't be written as YAML.")


def changed(values: dict[str, Any], puts: Sequence[Put], drops: Sequence[KeyPath]) -> dict[str, Any]:
    """The same change on plain values."""
    result: dict[str, Any] = copy.deepcopy(values)
    for path in drops:
        take_out(result, path)
    for put in puts:
        value = put.value if put.source is None else look_up(values, put.source)
        if value is MISSING:
            raise KeyError(put.source)
        put_in(result, put.path, copy.deepcopy(value))
    return result


def same(one: Any, other: Any) -> bool:
    """Equal as Helm sees it; True is not 1."""
    return as_text(one) == as_text(other)


def as_text(value: Any) -> str:
    """One text for what is the same to Helm."""
    return json.dumps(value, sort_keys=True)


def take_out(values: dict[str, Any], path: KeyPath) -> None:
    """In place. Parents that become empty go too; a place that isn't there is left alone."""
    parents: list[Any] = [values]
    for part in path[:-1]:
        parents.append(look_up(parents[-1], (part,)))
    for parent, part in zip(reversed(parents), reversed(path), strict=True):
        if not isinstance(parent, dict) or part not in parent:
            return
        del parent[part]
        if parent:
            return


def put_in(values: Any, path: KeyPath, value: Any) -> None:
    """In place. Parents are made; an index one behind a list's end appends."""
    *parents, last = path
    for part, following in zip(parents, path[1:], strict=True):
        below = look_up(values, (part,))
        if not isinstance(below, list if isinstance(following, int) else dict):
            below = [] if isinstance(following, int) else {}
            _assign(values, part, below)
        values = below
    _assign(values, last, value)


def _assign(values: Any, part: str | int, value: Any) -> None:
    if isinstance(values, list) and part == len(values):
        values.append(value)
    else:
        values[part] = value


def _spliced(document: Document, wanted: dict[str, Any], puts: Sequence[Put], drops: Sequence[KeyPath]) -> str:
    tree = Branch()
    for path in drops:
        tree.at(path)
    for put in puts:
        tree.at(put.path).put = put
    sources = [put.source for put in puts if put.source is not None]
    # Of a section that goes in parts, the comments between the parts stay.
    whole = [drop for drop in drops if not any(source[: len(drop)] == drop != source for source in sources)]
    carried = [*whole, *sources]
    return Splicer(document, carried).spliced(tree, wanted)


def _expanded(document: Document) -> Document:
    """The same values, with the top-level keys that use aliases or ``<<`` written out."""
    if document.root is None or document.root.kind != "map":
        raise CannotSplice
    keys = {key.text for key, value in document.root.pairs if _uses_aliases(value)}
    return document.with_body(_top_level(document, document.data, keys)) if keys else document


def _rewritten(document: Document, wanted: dict[str, Any]) -> str:
    """Top-level keys whose values differ are written anew, the others stay."""
    keys = [*document.data, *(key for key in wanted if key not in document.data)]
    return _top_level(
        document,
        wanted,
        {
            key
            for key in keys
            if key not in wanted or key not in document.data or not same(document.data[key], wanted[key])
        },
    )


def _top_level(document: Document, wanted: dict[str, Any], keys: Iterable[str]) -> str:
    tree = Branch()
    for key in keys:
        tree.at((key,)).put = Put((key,), wanted[key]) if key in wanted else None
    return Splicer(document, [(key,) for key in keys]).spliced(tree, wanted)


def _whole(document: Document, wanted: dict[str, Any]) -> str:
    """All of it anew, as JSON where it was JSON."""
    newline = "\r\n" if "\r\n" in document.body else "\n"
    try:
        json.loads(document.body)
    except ValueError:
        return newline.join([*emit.block(wanted, 0), ""]) if wanted else f"{{}}{newline}"
    return json.dumps(wanted, indent=2, ensure_ascii=False).replace("\n", newline) + newline


def _uses_aliases(node: Node) -> bool:
    if node.kind == "map":
        return any(is_merge(key) or _uses_aliases(key) or _uses_aliases(value) for key, value in node.pairs)
    return node.kind == "alias" or any(map(_uses_aliases, node.items))
