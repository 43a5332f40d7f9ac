"""What a values file contains and not every Helm reads: the first of two equal keys, and all but the first document.

Helm 4 merges the documents of a values file (helm.sh/helm/v4/pkg/chart/loader, LoadValues), Helm 3 reads the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from auditor.model.keypath import KeyPath, join_key
from auditor.model.values import ValueFinding
from auditor.values.document import Document
from auditor.values.nodes import Node
from auditor.values.plain import Reader, is_merge

_SOURCE: Final = "https://pkg.go.dev/sigs.k8s.io/yaml#Unmarshal"
_NEXT: Final = re.compile(r"^---(?=\s).*\n(?:[ \t]*(?:#.*)?\n)*(?=[^\s#]|[ \t]+[^\s#])", re.MULTILINE)


def overruled(document: Document) -> Iterator[ValueFinding]:
    """In the order of the file."""
    if document.root is None:
        return
    yield from _repeated(document.root, (), document.source)
    following = _NEXT.search(document.body, document.root.end)
    if following:
        message = (
            "Helm 3 reads the first document of a values file and nothing that follows it, Helm 4 merges them all; only"
            " the first is judged here"
        )
        line = document.body.count("\n", 0, following.start()) + 1
        yield _finding("second-document", "---", (), message, "give it a file of its own", document.source, line, 1)


def _repeated(node: Node, path: KeyPath, source: str) -> Iterator[ValueFinding]:
    earlier: dict[str, Node] = {}
    for key, value in node.pairs:
        if is_merge(key):
            continue
        name = Reader(source).key(key)
        here = (*path, name)
        if name in earlier:
            message = "the same map has this key again further down, and Helm takes the last one whole"
            at = earlier[name]
            yield _finding("repeated-key", join_key(here), here, message, "keep one", source, at.line, at.column)
        earlier[name] = key
        yield from _repeated(value, here, source)
    for index, item in enumerate(node.items if node.kind == "list" else ()):
        yield from _repeated(item, (*path, index), source)


def _finding(
    name: str, key: str, path: KeyPath, message: str, remedy: str, source: str, line: int, column: int
) -> ValueFinding:
    return ValueFinding(
        id=name,
        effect="ignored",
        key=key,
        path=path,
        message=message,
        remedy=remedy,
        remedy_kind="needs-decision",
        source=_SOURCE,
        file=source,
        line=line,
        column=column,
        rank=2,
    )
