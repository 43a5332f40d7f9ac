"""The catalog's mechanical remedies, applied: renames, removals and quotes that need nobody's decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from auditor.catalog.value_tests import VALUE_TESTS
from auditor.model.keypath import MISSING, join_key, look_up
from auditor.model.migration import Note, NoteKind
from auditor.model.values import Mend, ValueFinding
from auditor.values.changes import Put
from auditor.values.coalesce import merge
from auditor.values.document import Document
from auditor.values.editing import edited

Judge = Callable[[Mapping[str, Any]], tuple[ValueFinding, ...]]

_ROUNDS: Final = 5
_KINDS: Final[dict[str, NoteKind]] = {"delete": "dropped", "move": "moved"}
# What has a meaning of its own between gcfg's quotes. https://pkg.go.dev/gopkg.in/gcfg.v1
_ESCAPED: Final = re.compile(r'["\\\n]')
_BY_HAND: Final = (
    "there is a quote, a backslash or a line break in it: write the value on one line in double quotes, with \\ before "
    "each quote and backslash that it means"
)
# The mapping rows speak of these themselves.
_RUNNER: Final = (("launcher",), ("config", "Launcher"))


def mended(documents: tuple[Document, ...], judge: Judge, *, runner: bool) -> tuple[tuple[Document, ...], list[Note]]:
    """Mends until none is left; one may uncover another. `runner`: leave to the mapping rows what is theirs."""
    notes: list[Note] = []
    for _ in range(_ROUNDS):
        findings = [f for f in judge(merge(d.data for d in documents)) if f.mends]
        todo = [(f, mend) for f in findings for mend in f.mends if not (runner and _is_the_runners(mend))]
        after = tuple(_mended(document, todo, notes) for document in documents)
        if all(new is old for new, old in zip(after, documents, strict=True)):
            break
        documents = after
    return documents, notes


def _is_the_runners(mend: Mend) -> bool:
    """Quotes are not: both places of a moved key must be written alike to be found the same."""
    below = [prefix for prefix in _RUNNER if mend.path[: len(prefix)] == prefix]
    return mend.kind in _KINDS and bool(below) and not (mend.to is not None and mend.to[:1] == mend.path[:1])


def _mended(document: Document, todo: Sequence[tuple[ValueFinding, Mend]], notes: list[Note]) -> Document:
    puts: list[Put] = []
    drops = []
    told = []
    for finding, mend in todo:
        value = look_up(document.data, mend.path)
        if value is MISSING or (mend.test and not VALUE_TESTS[mend.test](value)):
            continue
        if mend.kind in _KINDS:
            drops.append(mend.path)
        if mend.kind == "move" and mend.to is not None:
            puts.append(Put(mend.to, source=mend.path))
        elif mend.kind not in _KINDS:
            new = _written(mend, value)
            if new is None:
                notes.append(_note(document, finding, mend, "decision", _BY_HAND))
                continue
            puts.append(Put(mend.path, new))
        told.append(_note(document, finding, mend, _KINDS.get(mend.kind, "kept"), finding.remedy))
    after = edited(document, puts, drops)
    if after is not document:
        notes += told
    return after


def _written(mend: Mend, value: Any) -> str | None:
    """The text that replaces a scalar, None where only a person can say what it means."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if mend.kind == "gcfg-quote":
        text = str(value).rstrip("\n")
        return None if _ESCAPED.search(text) else f'"{text}"'
    return value if isinstance(value, str) else str(int(value)) if float(value).is_integer() else repr(value)


def _note(document: Document, finding: ValueFinding, mend: Mend, kind: NoteKind, remedy: str) -> Note:
    line, column = document.position(mend.path)
    return Note(
        kind=kind,
        key=join_key(mend.path),
        to=join_key(mend.to) if mend.to is not None else "",
        message=f"{finding.message}; {remedy}",
        source=finding.source,
        file=document.source,
        line=line,
        column=column,
    )
