"""Whether rows make sense beyond their types: versions exist, names are known, conditions ask one question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from auditor.catalog.conditions import KINDS, asked
from auditor.catalog.predicates import PREDICATES
from auditor.catalog.value_tests import VALUE_TESTS
from auditor.catalog.versions import parse, satisfies
from auditor.model.catalog import Condition, Row

_SHA256 = re.compile(r"[0-9a-f]{64}")


def problems(table: str, rows: Iterable[Row]) -> list[str]:
    """A sentence for each mistake, with table, row and field; empty where there is none."""
    rows = tuple(rows)
    found = [f"row {number} of {table}: {text}" for number, row in enumerate(rows, 1) for text in _of(row)]
    twice = Counter(name for row in rows if (name := getattr(row, "id", None)) is not None)
    return found + [f"{table}: {name} stands there {count} times" for name, count in twice.items() if count > 1]


def _of(row: Row) -> Iterator[str]:
    given: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    for field in ("version", "since", "until"):
        if given.get(field) is not None and parse(given[field]) is None:
            yield f"{field} is no version: {given[field]}"
    for step in given.get("steps", ()):
        if parse(step.since) is None:
            yield f"since is no version: {step.since}"
    if not _SHA256.fullmatch(given.get("sha256", "0" * 64)):
        yield "sha256 is no SHA-256: 64 digits of 0-9 and a-f"
    if not given.get("source", "https://").startswith("https://"):
        yield "source must be a public https address"
    if given.get("value") is not None and given["value"] not in VALUE_TESTS:
        yield f"value names no test: {given['value']} (known: {', '.join(sorted(VALUE_TESTS))})"
    patterns = [given.get("handle"), *given.get("attributes", {}).values()]
    yield from (f"no regular expression: {text}" for text in patterns if text is not None and not _compiles(text))
    if isinstance(given.get("when"), Condition):
        yield from (f"when: {text}" for text in _of_condition(given["when"]))


def _of_condition(condition: Condition) -> Iterator[str]:
    questions = asked(condition)
    if len(questions) != 1:
        yield f"a condition asks exactly one question, this one asks {len(questions)}"
        return
    name, argument = questions[0]
    if name in {"all", "any"}:
        for part in argument:
            yield from _of_condition(part)
    elif name in {"not_", "before"}:
        yield from _of_condition(argument)
    elif name == "predicate" and argument not in PREDICATES:
        yield f"no such predicate: {argument} (known: {', '.join(sorted(PREDICATES))})"
    elif name == "is_" and argument[1] not in KINDS:
        yield f"no such kind: {argument[1]} (known: {', '.join(KINDS)})"
    elif name == "matches" and not _compiles(argument[1]):
        yield f"no regular expression: {argument[1]}"
    elif name in {"from_version", "to_version"}:
        yield from _of_range(argument)


def _of_range(text: str) -> Iterator[str]:
    try:
        satisfies("0", text)
    except ValueError as error:
        yield str(error)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
