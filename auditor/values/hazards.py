"""Values that render and don't do what they seem to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor.catalog import Chart
from auditor.catalog.conditions import holds, places
from auditor.catalog.situation import Situation
from auditor.catalog.value_tests import VALUE_TESTS
from auditor.model.catalog import Hazard
from auditor.model.keypath import KeyPath, join_key
from auditor.model.values import Mend, ValueFinding
from auditor.values.described import described


def hazards(chart: Chart, now: Situation) -> Iterator[ValueFinding]:
    """What the target chart does silently with these values, whatever the version before."""
    for row in chart.hazards_at(now.to_version):
        if row.detect == "live" or not holds(row.when, now):
            continue
        rank = {"fails": 2, "changes": 3, "ignored": 1}[row.effect]
        if row.value is None:
            yield described(row, row.effect, now, row.keys, rank=rank)
        else:
            yield from _at_each_place(row, now, rank)


def _at_each_place(row: Hazard, now: Situation, rank: int) -> Iterator[ValueFinding]:
    test = VALUE_TESTS[row.value or ""]
    finding = described(row, row.effect, now, row.keys, rank=rank)
    for key in row.keys:
        for path, value in places(now.user, key):
            if test(value):
                mends = () if isinstance(value, list) else _quotes(row, path)
                yield msgspec.structs.replace(finding, key=join_key(path), path=path, mends=mends)


def _quotes(row: Hazard, path: KeyPath) -> tuple[Mend, ...]:
    return (Mend(kind=row.quote, path=path, test=row.value or ""),) if row.quote else ()
