"""What changes between two chart versions for a release whose values stay as they are. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from auditor.catalog import Chart
from auditor.catalog.conditions import holds
from auditor.catalog.situation import Situation
from auditor.catalog.versions import parse
from auditor.model.catalog import Change
from auditor.model.keypath import MISSING, KeyPath, join_key, leaves, look_up
from auditor.model.values import ValueFinding
from auditor.values.described import described

_BREAKING: Final = 8
_KNOWN: Final = 4
_PRODUCT: Final = 7
_LONGEST: Final = 80


def moved_defaults(
    chart: Chart, now: Situation, before: Mapping[str, Any] | None, after: Mapping[str, Any], *, told: set[str]
) -> Iterator[ValueFinding]:
    """Changes of behaviour that reach these values, and defaults that moved under keys the user did not set.

    What `told` speaks of already, whatever the version before, is not a change of behaviour besides.
    """
    if before is None:
        return
    crossed = [row for row in _crossed(chart, now) if row.detect == "values"]
    for row in crossed:
        if row.about == "behaviour" and holds(row.when, now):
            finding = described(row, row.effect, now, row.keys, rank=_rank(row))
            if finding.key not in told:
                yield finding
    yield from _moved(crossed, now, before, after)
    yield from _product(chart, now)


def _crossed(chart: Chart, now: Situation) -> tuple[Change, ...]:
    return chart.changes_between(now.from_version, now.to_version) if now.from_version is not None else ()


def _moved(
    crossed: list[Change], now: Situation, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[ValueFinding]:
    """One finding per row and key, told by the newest row that applies. New and lost defaults need a row to matter."""
    was, becomes = dict(leaves(before)), dict(leaves(after))
    for path in sorted(was.keys() | becomes.keys(), key=str):
        old, new = was.get(path, MISSING), becomes.get(path, MISSING)
        if _same(old, new) or _decided(now.user, path):
            continue
        key = join_key(path)
        rows = [row for row in crossed if row.about == "default" and key in row.keys]
        telling = next((row for row in reversed(rows) if holds(row.when, now)), None)
        if telling is not None:
            yield _told(described(telling, telling.effect, now, (key,), rank=_rank(telling)), old, new)
        elif not rows and MISSING not in (old, new) and _empty(old) is _empty(new) is False:
            yield _told(_plain(key), old, new)


def _plain(key: str) -> ValueFinding:
    return ValueFinding(
        id="default-moved",
        effect="changes",
        key=key,
        message="",
        remedy="set the key to keep what runs now",
        remedy_kind="set",
    )


def _told(finding: ValueFinding, old: object, new: object) -> ValueFinding:
    if old is MISSING:
        text = f"new, {_shown(new)} by default"
    elif new is MISSING:
        text = f"gone, {_shown(old)} by default so far"
    else:
        text = f"the default goes from {_shown(old)} to {_shown(new)}"
    message = f"{text}: {finding.message}" if finding.message else text
    return msgspec.structs.replace(finding, message=message)


def _product(chart: Chart, now: Situation) -> Iterator[ValueFinding]:
    """The product moves with the chart where neither tag nor version is pinned."""
    old = chart.app_version(now.from_version) if now.from_version is not None else None
    pinned = look_up(now.user, ("image", "tag")) or look_up(now.user, ("versionOverride",))
    if pinned or old is None or now.app_version is None or old == now.app_version:
        return
    was, becomes = parse(old), parse(now.app_version)
    way = "" if was is None or becomes is None else " down" if becomes < was else " up"
    yield ValueFinding(
        id="product-version",
        effect="changes",
        key="versionOverride",
        message=f"the product goes{way} from {old} to {now.app_version} with the chart",
        remedy="read the product's release notes, or pin versionOverride",
        remedy_kind="set",
        source=f"https://github.com/rstudio/helm/blob/main/charts/{chart.name}/Chart.yaml",
        rank=_PRODUCT,
    )


def _rank(row: Change) -> int:
    return _BREAKING if row.breaking else _KNOWN


def _decided(user: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether the user set the key, took it away, or put something else in place of a map above it."""
    below: Any = user
    for part in path:
        if not isinstance(below, Mapping):
            return True
        if part not in below:
            return False
        below = below[part]
    return True


def _same(old: object, new: object) -> bool:
    return old is new or (type(old) is type(new) and old == new)


def _empty(value: object) -> bool:
    return value in (None, "", False) or value in ([], {})


def _shown(value: object) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
