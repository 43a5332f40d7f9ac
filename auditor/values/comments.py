"""The comments of a values file: libyaml skips them, so they are what looks like one and is no part of a scalar."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from auditor.model.keypath import KeyPath
from auditor.values.changes import Put
from auditor.values.document import Document
from auditor.values.nodes import Node
from auditor.values.regions import CannotSplice, Region, of_entry

_MARK: Final = re.compile(r"(?:^|(?<=[ \t]))#(?=([^\r\n]*))", re.MULTILINE)


def comments(document: Document) -> Iterator[tuple[int, str]]:
    """Where each begins, and its text."""
    spans = sorted(_scalars(document.root)) if document.root is not None else []
    done = 0
    for match in _MARK.finditer(document.body):
        before = bisect_right(spans, (match.start(), len(document.body))) - 1
        if match.start() >= done and (before < 0 or match.start() >= spans[before][1]):
            done = match.end(1)
            yield match.start(), f"#{match[1].rstrip()}"


def lost(document: Document, result: Document, puts: Sequence[Put], drops: Sequence[KeyPath]) -> tuple[str, ...]:
    """Comments that an edit took away, but for those of keys that it was asked to drop: they go along."""
    gone = [region for drop in drops if not _is_moved(drop, puts) and (region := _region(document, drop)) is not None]
    before = Counter(text for at, text in comments(document) if not any(r.start <= at < r.end for r in gone))
    return tuple((before - Counter(text for _, text in comments(result))).elements())


def _is_moved(drop: KeyPath, puts: Sequence[Put]) -> bool:
    """Whether it, or a part of it, stands at another place now."""
    return any(put.source is not None and put.source[: len(drop)] == drop for put in puts)


def _region(document: Document, path: KeyPath) -> Region | None:
    entry = document.entry(path)
    try:
        return of_entry(document.body, *entry) if entry is not None else None
    except CannotSplice:
        return None


def _scalars(node: Node) -> Iterator[tuple[int, int]]:
    if node.kind == "scalar":
        yield node.start, node.end
    elif node.kind != "alias":
        for below in [*node.items, *(part for pair in node.pairs for part in pair)]:
            yield from _scalars(below)
