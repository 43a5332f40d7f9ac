"""From values files of one chart version to values files for another. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditor.catalog import Chart
from auditor.model.keypath import look_up, split_key
from auditor.model.migration import ContentAccount, Note
from auditor.model.product import Product
from auditor.names.keys import note as shown
from auditor.values.coalesce import merge
from auditor.values.comments import comments
from auditor.values.document import Document
from auditor.values.migration.agreement import agreed, as_document
from auditor.values.migration.open_questions import open_questions
from auditor.values.migration.upgrade import Upgrade, note_at

SCHEMA: Final = "posit-audit.migrate/v1"
_YAML: Final = "https://yaml.org/spec/1.2.2/#66-comments"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """documents: in the order given. accounts: what content runs as, to be labelled before the upgrade."""

    documents: tuple[Document, ...]
    notes: tuple[Note, ...]
    accounts: tuple[ContentAccount, ...]
    changed: bool

    @property
    def needs_decision(self) -> bool:
        return any(note.needs_decision for note in self.notes)

    @property
    def exit_code(self) -> int:
        return 2 if self.needs_decision else 0


def migrate(
    documents: Sequence[Document],
    chart: Chart,
    *,
    from_version: str | None = None,
    to_version: str | None = None,
    namespace: str = "default",
) -> Migration:
    """Files given to Helm in this order, each rewritten where its keys are, and a note for every key that moved.

    from_version: of the chart that runs now, None where unknown. to_version: the newest in the catalog by default.
    namespace: the release's. Migrating the result again changes nothing.
    """
    to_version = to_version or chart.newest
    upgrade = Upgrade(chart, from_version, to_version, namespace)
    if len(documents) > 1:
        (one,), told = upgrade.files((as_document(merge(document.data for document in documents)),))
        result, notes = upgrade.files(tuple(documents), {note.key for note in told if note.kind == "conflict"})
        result, more = agreed(documents, result, one.data)
        notes = [*notes, *_left_out(told, notes, documents), *more]
    else:
        result, notes = upgrade.files(tuple(documents))
    values = merge(document.data for document in result)
    notes = [*notes, *open_questions(upgrade, documents, result, values), *_lost_comments(documents, result)]
    return Migration(
        documents=result,
        notes=tuple(_unique(notes)),
        accounts=_accounts(values) if chart.name == Product.CONNECT else (),
        changed=any(new.body != old.body for new, old in zip(result, documents, strict=True)),
    )


def as_json(result: Migration) -> dict[str, Any]:
    """For `-o json`. The documents' texts hold values; notes and accounts don't."""
    return {
        "schema": SCHEMA,
        "needs_decision": result.needs_decision,
        "changed": result.changed,
        "documents": [{"source": document.source, "text": document.text()} for document in result.documents],
        "notes": msgspec.to_builtins(tuple(map(shown, result.notes))),
        "accounts": msgspec.to_builtins(result.accounts),
    }


def migrate_values(values: Mapping[str, Any], chart: Chart, **upgrade: Any) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """`migrate` of plain values, a release's for example; the arguments are the same."""
    result = migrate([as_document(values)], chart, **upgrade)
    return result.documents[0].data, result.notes


def _left_out(together: Sequence[Note], told: Sequence[Note], documents: Sequence[Document]) -> Iterator[Note]:
    """What only the files' merged values show that a person must settle."""
    known = {(note.kind, note.key) for note in told}
    for note in together:
        if note.needs_decision and (note.kind, note.key) not in known:
            path = split_key(note.key.partition("[")[0])
            placed = note_at(note.kind, documents, path, note.key, note.message, note.source)
            yield msgspec.structs.replace(placed, to=note.to)


def _lost_comments(before: Sequence[Document], after: Sequence[Document]) -> Iterator[Note]:
    """One note for each top-level key that a document's lost comments stood in, at the first of them."""
    for old, new in zip(before, after, strict=True):
        left = Counter(new.lost)
        found: dict[str, list[int]] = {}
        for at, text in comments(old) if new.lost else ():
            if left[text] > 0:
                left[text] -= 1
                found.setdefault(old.section(at), []).append(at)
        for key, places in found.items():
            line_start = old.body.rfind("\n", 0, places[0]) + 1
            yield Note(
                kind="kept",
                key=key,
                message=f"{len(places)} of its comments could not be kept, because braces, aliases or parts of a list "
                "had to be written anew; copy them from the file as it was",
                source=_YAML,
                file=old.source,
                line=old.body.count("\n", 0, places[0]) + 1,
                column=places[0] - line_start + 1,
            )


def _accounts(values: Mapping[str, Any]) -> tuple[ContentAccount, ...]:
    namespace = look_up(values, ("backends", "kubernetes", "namespace"))
    named = look_up(
        values,
        ("backends", "kubernetes", "defaultResourceJobBase", "spec", "template", "spec", "serviceAccountName"),
    )
    names = ["default", *([named] if isinstance(named, str) and named not in ("", "default") else [])]
    return tuple(ContentAccount(name=name, namespace=namespace if isinstance(namespace, str) else "") for name in names)


def _unique(notes: Sequence[Note]) -> Iterator[Note]:
    seen: set[tuple[str, str, str, str]] = set()
    for note in notes:
        key = (note.kind, note.key, note.file, note.message)
        if key not in seen:
            seen.add(key)
            yield note
