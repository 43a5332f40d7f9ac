"""Several files must come to what one file of their merged values would become, although Helm replaces lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.model.keypath import MISSING, KeyPath, join_key, look_up
from auditor.model.migration import Note, NoteKind
from auditor.values import emit
from auditor.values.changes import Put
from auditor.values.coalesce import merge
from auditor.values.document import Document
from auditor.values.editing import edited, same


def as_document(values: Mapping[str, Any]) -> Document:
    """Plain values as a document of their own."""
    return Document("\n".join([*emit.block(dict(values), 0), ""]) if values else "", "values")


def agreed(
    before: Sequence[Document], documents: Sequence[Document], wanted: Mapping[str, Any]
) -> tuple[tuple[Document, ...], list[Note]]:
    """Where the files do not merge to `wanted`, the last one that writes the place gets the whole value.

    before: the same files as they were. What one of them never held may be a secret of another: that is a decision.
    """
    puts: list[list[Put]] = [[] for _ in documents]
    drops: list[list[KeyPath]] = [[] for _ in documents]
    notes = []
    merged = merge(document.data for document in documents)
    for path in _differing(merged, wanted, ()):
        writers = _writers(documents, path)
        value = look_up(wanted, path)
        if value is MISSING:
            for writer in writers:
                drops[writer].append(path)
                notes.append(_note("dropped", documents[writer], path, "a later file overrules it"))
        else:
            *others, writer = writers or _writers(before, path) or [len(documents) - 1]
            puts[writer].append(Put(path, value))
            sources = ", ".join(documents[other].source for other in others)
            known = _holds([before[writer].data, documents[writer].data], value)
            notes.append(_note("kept" if known else "decision", documents[writer], path, _told(value, sources)))
    return tuple(edited(d, p, o) for d, p, o in zip(documents, puts, drops, strict=True)), notes


def _writers(documents: Sequence[Document], path: KeyPath) -> list[int]:
    return [index for index, document in enumerate(documents) if look_up(document.data, path) is not MISSING]


def _holds(values: object, wanted: object) -> bool:
    """Whether all that stands in `wanted` stands somewhere in `values` too."""
    return {json.dumps(leaf) for leaf in _scalars(wanted)} <= {json.dumps(leaf) for leaf in _scalars(values)}


def _scalars(value: object) -> Iterator[object]:
    if isinstance(value, Mapping | list):
        for below in value.values() if isinstance(value, Mapping) else value:
            yield from _scalars(below)
    else:
        yield value


def _told(value: object, sources: str) -> str:
    if not sources:
        return "it holds what the files say together; move it where another file must hold it"
    if isinstance(value, list):
        return (
            f"it holds what {sources} says too now, because Helm replaces lists; if this file must not hold that, "
            "move the whole list into one file that may"
        )
    return f"it says what {sources} says now, which had the last word by another key; delete it in one of the files"


def _note(kind: NoteKind, document: Document, path: KeyPath, message: str) -> Note:
    line, column = document.position(path)
    source = "https://helm.sh/docs/chart_template_guide/values_files/"
    return Note(
        kind=kind,
        key=join_key(path),
        message=message,
        source=source,
        file=document.source,
        line=line,
        column=column,
    )


def _differing(merged: Mapping[str, Any], wanted: Mapping[str, Any], path: KeyPath) -> Iterator[KeyPath]:
    for key in {**merged, **wanted}:
        here = (*path, key)
        one, other = merged.get(key, MISSING), wanted.get(key, MISSING)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(one, other, here)
        elif one is MISSING or other is MISSING or not same(one, other):
            yield here
