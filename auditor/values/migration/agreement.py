"""Several files must come to what one file of their merged values would become, although Helm replaces lists."""

from __future__ import annotations

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


def agreed(documents: Sequence[Document], wanted: Mapping[str, Any]) -> tuple[tuple[Document, ...], list[Note]]:
    """Where the files do not merge to `wanted`, the last one that writes the place gets the whole value."""
    puts: list[list[Put]] = [[] for _ in documents]
    drops: list[list[KeyPath]] = [[] for _ in documents]
    notes = []
    merged = merge(document.data for document in documents)
    for path in _differing(merged, wanted, ()):
        writers = [i for i, d in enumerate(documents) if look_up(d.data, path) is not MISSING]
        value = look_up(wanted, path)
        if value is MISSING:
            for writer in writers:
                drops[writer].append(path)
                notes.append(_note("dropped", documents[writer], path, "a later file overrules it"))
        else:
            writer = writers[-1] if writers else len(documents) - 1
            puts[writer].append(Put(path, value))
            message = "it holds what all files say together: Helm does not merge lists"
            notes.append(_note("kept", documents[writer], path, message))
    return tuple(edited(d, p, o) for d, p, o in zip(documents, puts, drops, strict=True)), notes


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
