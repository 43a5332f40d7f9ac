"""From values files of one chart version to values files for another. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditor.catalog import Chart
from auditor.catalog.versions import order
from auditor.model.keypath import MISSING, KeyPath, join_key, look_up
from auditor.model.migration import ContentAccount, Note, NoteKind
from auditor.model.product import Product
from auditor.model.values import ValueFinding
from auditor.values.coalesce import coalesce, merge
from auditor.values.document import Document
from auditor.values.lint import judge
from auditor.values.migration.agreement import agreed, as_document
from auditor.values.migration.draft import Draft
from auditor.values.migration.mending import mended
from auditor.values.migration.rows import mapping_rows
from auditor.values.migration.runner import Release, migrate_document

SCHEMA: Final = "posit-audit.migrate/v1"
RUNNER_SINCE: Final = "0.9.0"
PRODUCT_SINCE: Final = "2026.04.0"
_PRODUCT: Final = re.compile(r"20\d\d\.\d+\.\d+")
_GUIDE: Final = next(row.source for row in mapping_rows() if row.id == "switch")


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
    upgrade = _Upgrade(chart, from_version, to_version, namespace)
    result, notes = upgrade.files(tuple(documents))
    if len(result) > 1:
        one, _ = upgrade.files((as_document(merge(document.data for document in documents)),))
        result, more = agreed(result, one[0].data)
        notes = [*notes, *more]
    values = merge(document.data for document in result)
    notes = [*notes, *upgrade.open_questions(documents, result, values)]
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
        "notes": msgspec.to_builtins(result.notes),
        "accounts": msgspec.to_builtins(result.accounts),
    }


def migrate_values(values: Mapping[str, Any], chart: Chart, **upgrade: Any) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """`migrate` of plain values, a release's for example; the arguments are the same."""
    result = migrate([as_document(values)], chart, **upgrade)
    return result.documents[0].data, result.notes


@dataclass(frozen=True)
class _Upgrade:
    chart: Chart
    from_version: str | None
    to_version: str
    namespace: str

    def files(self, documents: tuple[Document, ...]) -> tuple[tuple[Document, ...], list[Note]]:
        """Mechanical mends, then the mapping, then the mends that only the result shows."""
        documents, notes = mended(documents, self.judged, runner=self._has_runner)
        release = self._release(merge(document.data for document in documents))
        drafts = [Draft(document) for document in documents]
        for draft in drafts:
            migrate_document(draft, release)
            notes += draft.notes
        if release.runner:
            notes += self._switch(drafts)
        documents, more = mended(tuple(draft.finished() for draft in drafts), self.judged, runner=False)
        return documents, [*notes, *more]

    def _switch(self, drafts: Sequence[Draft]) -> Iterator[Note]:
        """Charts that run the Launcher by default need to be told, where the files never said so."""
        seen = coalesce(merge(draft.future for draft in drafts), self.chart.values_at(self.to_version))
        for path, wanted in ((("launcher", "enabled"), False), (("backends", "kubernetes", "enabled"), True)):
            if bool(look_up(seen, path)) is not wanted and not drafts[-1].blocked(path):
                drafts[-1].put(path, wanted, near=("launcher",))
                message = f"it is {str(wanted).lower()} now: content leaves the Launcher"
                yield _note("kept", [drafts[-1].document], path, join_key(path), message, _GUIDE)

    def judged(self, values: Mapping[str, Any]) -> tuple[ValueFinding, ...]:
        return judge(
            values,
            self.chart,
            from_version=self.from_version,
            to_version=self.to_version,
            namespace=self.namespace,
        ).findings

    @property
    def _has_runner(self) -> bool:
        return self.chart.name == Product.CONNECT and order(self.to_version) >= order(RUNNER_SINCE)

    def _release(self, values: Mapping[str, Any]) -> Release:
        before = coalesce(values, self.chart.values_at(self.from_version or self.to_version))
        after = coalesce(values, self.chart.values_at(self.to_version))
        runner = self._has_runner and self._leaves_launcher(values)
        return Release(
            chart=self.chart.name,
            to_version=self.to_version,
            runner=runner,
            direct=runner or bool(look_up(after, ("backends", "kubernetes", "enabled"))),
            templates=all(bool(look_up(before, ("launcher", k))) for k in ("useTemplates", "includeTemplateValues")),
        )

    def _leaves_launcher(self, values: Mapping[str, Any]) -> bool:
        """Content runs by the Launcher, or the switch was made and the rest of the values were not."""
        enabled = look_up(values, ("launcher", "enabled"))
        direct = look_up(values, ("backends", "kubernetes", "enabled"))
        if enabled is not MISSING and enabled is not None:
            return bool(enabled) or (direct is not MISSING and bool(direct))
        if self.from_version is not None:
            seen = coalesce(values, self.chart.values_at(self.from_version))
            return look_up(seen, ("launcher", "enabled")) is True or (direct is not MISSING and bool(direct))
        sections = (look_up(values, ("launcher",)), look_up(values, ("config", "Launcher")))
        return any(isinstance(section, dict) and section for section in sections) and direct in (MISSING, None, True)

    def open_questions(
        self, before: Sequence[Document], after: Sequence[Document], values: Mapping[str, Any]
    ) -> Iterator[Note]:
        """What the target chart still refuses, and what would run in another way than the owner may want."""
        for finding in self.judged(values):
            if finding.effect == "fails":
                message = f"{finding.message}; {finding.remedy}"
                yield _note("decision", after, finding.path, finding.key, message, finding.source)
        if not self._has_runner:
            return
        if self._was_local(merge(document.data for document in before)):
            yield _note(
                "decision",
                after,
                (),
                "backends.kubernetes.enabled",
                "content that ran in the server's own pod would run in pods of its own now; set it to false to stay, "
                "to true to go",
                _GUIDE,
            )
        yield from self._old_product(after, values)

    def _was_local(self, values: Mapping[str, Any]) -> bool:
        old, new = self.from_version, self.chart.values_at(self.to_version)
        if look_up(values, ("backends", "kubernetes", "enabled")) is not MISSING:
            return False
        if not look_up(coalesce(values, new), ("backends", "kubernetes", "enabled")):
            return False
        if old is None:
            return look_up(values, ("launcher", "enabled")) is False
        seen = coalesce(values, self.chart.values_at(old))
        direct = look_up(seen, ("backends", "kubernetes", "enabled"))
        return not look_up(seen, ("launcher", "enabled")) and not (direct and direct is not MISSING)

    def _old_product(self, after: Sequence[Document], values: Mapping[str, Any]) -> Iterator[Note]:
        """The direct runner needs a Connect that has it; the chart does not check that."""
        seen = coalesce(values, self.chart.values_at(self.to_version))
        if not look_up(seen, ("backends", "kubernetes", "enabled")):
            return
        for path in (("image", "tag"), ("versionOverride",)):
            given = look_up(seen, path)
            found = _PRODUCT.search(given) if isinstance(given, str) else None
            if found and order(found[0]) < order(PRODUCT_SINCE):
                message = f"the direct runner needs Connect {PRODUCT_SINCE} or later, and this pins an older one"
                yield _note("decision", after, path, join_key(path), message, _GUIDE)


def _note(kind: NoteKind, documents: Sequence[Document], path: KeyPath, key: str, message: str, source: str) -> Note:
    """At the last file that writes the key, where one does."""
    for document in reversed(documents):
        if path and look_up(document.data, path) is not MISSING:
            line, column = document.position(path)
            place = {"file": document.source, "line": line, "column": column}
            return msgspec.structs.replace(Note(kind=kind, key=key, message=message, source=source), **place)
    return Note(kind=kind, key=key, message=message, source=source)


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
