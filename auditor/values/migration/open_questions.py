"""What a migration leaves to a person: what the target chart still refuses, and what would run in another way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor.catalog.versions import order
from auditor.model.keypath import MISSING, join_key, look_up
from auditor.model.migration import Note
from auditor.values.coalesce import coalesce, merge
from auditor.values.document import Document
from auditor.values.migration.upgrade import DIRECT, GUIDE, LAUNCHER, Upgrade, note_at, stays_with_launcher

PRODUCT_SINCE: Final = "2026.04.0"
_PRODUCT: Final = re.compile(r"20\d\d\.\d+\.\d+")


def open_questions(
    upgrade: Upgrade, before: Sequence[Document], after: Sequence[Document], values: Mapping[str, Any]
) -> Iterator[Note]:
    """`values`: what `after` merges to."""
    given = merge(document.data for document in before)
    asked = _asked_on_switch(upgrade) if upgrade.release(given).runner else frozenset()
    for finding in upgrade.judged(values):
        if finding.effect == "fails" or finding.id in asked:
            message = f"{finding.message}; {finding.remedy}"
            yield note_at("decision", after, finding.path, finding.key, message, finding.source)
    if not upgrade.has_runner:
        return
    if _was_local(upgrade, given):
        message = (
            "content that ran in the server's own pod would run in pods of its own now; set it to false to stay, "
            "to true to go"
        )
        yield note_at("decision", after, (), join_key(DIRECT), message, GUIDE)
    if stays_with_launcher(values):
        message = (
            "the Launcher stays, because this is false; set it to true or delete it to go to the direct runner, or do "
            "nothing to stay while the chart still has the Launcher"
        )
        yield note_at("decision", after, DIRECT, join_key(DIRECT), message, GUIDE)
    yield from _old_product(upgrade, after, values)


def _asked_on_switch(upgrade: Upgrade) -> frozenset[str]:
    return frozenset(row.id for row in upgrade.chart.hazards_at(upgrade.to_version) if row.asked_on_switch)


def _was_local(upgrade: Upgrade, values: Mapping[str, Any]) -> bool:
    old, new = upgrade.from_version, upgrade.chart.values_at(upgrade.to_version)
    if look_up(values, DIRECT) is not MISSING:
        return False
    if not look_up(coalesce(values, new), DIRECT):
        return False
    if old is None:
        return look_up(values, LAUNCHER) is False
    seen = coalesce(values, upgrade.chart.values_at(old))
    direct = look_up(seen, DIRECT)
    return not look_up(seen, LAUNCHER) and not (direct and direct is not MISSING)


def _old_product(upgrade: Upgrade, after: Sequence[Document], values: Mapping[str, Any]) -> Iterator[Note]:
    """The direct runner needs a Connect that has it; the chart does not check that."""
    seen = coalesce(values, upgrade.chart.values_at(upgrade.to_version))
    if not look_up(seen, DIRECT):
        return
    for path in (("image", "tag"), ("versionOverride",)):
        given = look_up(seen, path)
        found = _PRODUCT.search(given) if isinstance(given, str) else None
        if found and order(found[0]) < order(PRODUCT_SINCE):
            message = f"the direct runner needs Connect {PRODUCT_SINCE} or later, and this pins an older one"
            yield note_at("decision", after, path, join_key(path), message, GUIDE)
