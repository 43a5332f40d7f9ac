"""What a chart refuses: its fail conditions, and values of a kind that its templates can't digest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.catalog import Chart
from auditor.catalog.conditions import holds, kind_of, places
from auditor.catalog.situation import Situation
from auditor.model.catalog import Kind, Shape
from auditor.model.keypath import MISSING, KeyPath, join_key, look_up, split_key
from auditor.model.values import ValueFinding
from auditor.values.described import described

WRONG_KIND: Final = "wrong-kind"
_NAMES = {"absent": "nothing", "null": "null", "bool": "true or false", "list": "a list", "map": "a map"}
_NAMES |= {"number": "a number", "string": "a string"}


def refusals(chart: Chart, now: Situation) -> Iterator[ValueFinding]:
    """Every reason for which `helm template` would stop, where Helm itself stops at the first."""
    for row in chart.fails_at(now.to_version):
        if holds(row.when, now):
            yield described(row, "fails", now, (row.key,))
    yield from wrong_kinds(chart.shapes_at(now.to_version), now)


def wrong_kinds(shapes: Iterable[Shape], now: Situation) -> Iterator[ValueFinding]:
    """One finding for each place of a kind that stops rendering, without those below another one."""
    wrong = {path: shape for shape in shapes for path in _wrong_places(shape, now)}
    for path, shape in wrong.items():
        if not any(path[:length] in wrong for length in range(1, len(path))):
            yield _finding(path, shape, now)


def _wrong_places(shape: Shape, now: Situation) -> Iterator[KeyPath]:
    if shape.when is not None and not holds(shape.when, now):
        return
    for key in shape.keys:
        found = list(places(now.after, key))
        if not found and "absent" not in shape.kinds and "*" not in split_key(key):
            yield split_key(key)
        yield from (path for path, value in found if kind_of(value) not in shape.kinds)


def _finding(path: KeyPath, shape: Shape, now: Situation) -> ValueFinding:
    given = look_up(now.user, path)
    if given is MISSING:
        given = look_up(now.after, path)
    wanted = _either(shape.kinds)
    if given is None and "map" in shape.kinds:
        message = f"the templates look into this key and find null; they need {wanted} here"
    else:
        message = f"the templates need {wanted} here and find {_NAMES[kind_of(given)]}"
    return ValueFinding(
        id=WRONG_KIND,
        effect="fails",
        key=join_key(path),
        message=message,
        remedy=f"write {wanted}, or delete the key",
        remedy_kind="needs-decision",
        source=shape.source,
        path=path,
        rank=1,
    )


def _either(kinds: tuple[Kind, ...]) -> str:
    names = [_NAMES[kind] for kind in ("map", "list", "string", "number", "bool") if kind in kinds]
    return " or ".join(names)
