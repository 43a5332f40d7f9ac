"""One upgrade of one chart's values: the mechanical mends and the mapping, over all files. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditor.catalog import Chart
from auditor.catalog.versions import order
from auditor.model.keypath import MISSING, KeyPath, join_key, look_up
from auditor.model.migration import Note, NoteKind
from auditor.model.product import Product
from auditor.model.values import ValueFinding
from auditor.values.coalesce import coalesce, merge
from auditor.values.document import Document
from auditor.values.lint import judge
from auditor.values.migration.draft import Draft
from auditor.values.migration.mending import mended
from auditor.values.migration.rows import mapping_rows
from auditor.values.migration.runner import Release, migrate_document

RUNNER_SINCE: Final = "0.9.0"
GUIDE: Final = next(row.source for row in mapping_rows() if row.id == "switch")
LAUNCHER: Final = ("launcher", "enabled")
DIRECT: Final = ("backends", "kubernetes", "enabled")


@dataclass(frozen=True)
class Upgrade:
    chart: Chart
    from_version: str | None
    to_version: str
    namespace: str

    def files(
        self, documents: tuple[Document, ...], held: Collection[str] = ()
    ) -> tuple[tuple[Document, ...], list[Note]]:
        """Mechanical mends, then the mapping, then the mends that only the result shows. `held`: keys that stay."""
        documents, notes = mended(documents, self.judged, runner=self.has_runner)
        release = self.release(merge(document.data for document in documents))
        drafts = [Draft(document, held) for document in documents]
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
        for path, wanted in ((LAUNCHER, False), (DIRECT, True)):
            if bool(look_up(seen, path)) is not wanted and not drafts[-1].blocked(path):
                drafts[-1].put(path, wanted, near=("launcher",))
                message = f"it is {str(wanted).lower()} now: content leaves the Launcher"
                yield note_at("kept", [drafts[-1].document], path, join_key(path), message, GUIDE)

    def judged(self, values: Mapping[str, Any]) -> tuple[ValueFinding, ...]:
        return judge(
            values,
            self.chart,
            from_version=self.from_version,
            to_version=self.to_version,
            namespace=self.namespace,
        ).findings

    @property
    def has_runner(self) -> bool:
        return self.chart.name == Product.CONNECT and order(self.to_version) >= order(RUNNER_SINCE)

    def release(self, values: Mapping[str, Any]) -> Release:
        before = coalesce(values, self.chart.values_at(self.from_version or self.to_version))
        after = coalesce(values, self.chart.values_at(self.to_version))
        runner = self.has_runner and self._leaves_launcher(values)
        return Release(
            chart=self.chart.name,
            to_version=self.to_version,
            runner=runner,
            direct=runner or bool(look_up(after, DIRECT)),
            templates=all(bool(look_up(before, ("launcher", k))) for k in ("useTemplates", "includeTemplateValues")),
        )

    def _leaves_launcher(self, values: Mapping[str, Any]) -> bool:
        """Content runs by the Launcher, or the switch was made and the rest of the values were not."""
        enabled = look_up(values, LAUNCHER)
        direct = look_up(values, DIRECT)
        if enabled is not MISSING and enabled is not None:
            return bool(direct) or (bool(enabled) and not stays_with_launcher(values))
        if self.from_version is not None:
            seen = coalesce(values, self.chart.values_at(self.from_version))
            return look_up(seen, LAUNCHER) is True or bool(direct)
        sections = (look_up(values, ("launcher",)), look_up(values, ("config", "Launcher")))
        return any(isinstance(section, dict) and section for section in sections) and direct in (MISSING, None, True)


def stays_with_launcher(values: Mapping[str, Any]) -> bool:
    """Whether the files themselves say that content runs by the Launcher and not by the direct runner."""
    direct = look_up(values, DIRECT)
    return bool(look_up(values, LAUNCHER)) and direct is not MISSING and direct is not None and not direct


def note_at(kind: NoteKind, documents: Sequence[Document], path: KeyPath, key: str, message: str, source: str) -> Note:
    """At the last file that writes the key, where one does."""
    for document in reversed(documents):
        if path and look_up(document.data, path) is not MISSING:
            line, column = document.position(path)
            place = {"file": document.source, "line": line, "column": column}
            return msgspec.structs.replace(Note(kind=kind, key=key, message=message, source=source), **place)
    return Note(kind=kind, key=key, message=message, source=source)
