"""The catalog's conditions, evaluated. Pure, and total: whatever the values are, the answer is yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from auditor.catalog.predicates import PREDICATES
from auditor.catalog.situation import Situation
from auditor.catalog.versions import satisfies
from auditor.model.catalog import Condition
from auditor.model.keypath import MISSING, KeyPath, split_key

KINDS: Final = ("absent", "null", "bool", "number", "string", "list", "map")


def holds(condition: Condition, situation: Situation) -> bool:
    """Whether `condition` is true of `situation`."""
    return _holds(condition, situation, situation.after)


def places(values: object, key: str) -> Iterator[tuple[KeyPath, object]]:
    """Where `key`, which may hold ``*``, is present in `values`, with what stands there."""
    yield from _places(values, split_key(key), ())


def kind_of(value: object) -> str:
    """One of `KINDS`; Helm holds every number as a float."""
    if value is MISSING:
        return "absent"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, Mapping):
        return "map"
    return "list" if isinstance(value, list | tuple) else "string"


def truthy(value: object) -> bool:
    """Whether a Go template's ``if`` takes it."""
    return bool(value)


def asked(condition: Condition) -> list[tuple[str, Any]]:
    """The questions that a condition asks; a valid one asks exactly one."""
    given = ((name, getattr(condition, name)) for name in condition.__struct_fields__)
    return [(name, value) for name, value in given if value is not None]


def _holds(condition: Condition, situation: Situation, seen: Mapping[str, Any]) -> bool:
    """`seen` is what the templates see: after the upgrade or, inside ``before``, before it."""
    if condition.all is not None:
        return all(_holds(part, situation, seen) for part in condition.all)
    if condition.any is not None:
        return any(_holds(part, situation, seen) for part in condition.any)
    if condition.not_ is not None:
        return not _holds(condition.not_, situation, seen)
    if condition.before is not None:
        return situation.before is not None and _holds(condition.before, situation, situation.before)
    name, argument = asked(condition)[0]
    return _QUESTIONS[name](argument, situation, seen)


def _some(values: object, key: str, test: Callable[[object], bool]) -> bool:
    return any(test(value) for _, value in places(values, key))


def _versions(situation: Situation) -> tuple[str | None, str]:
    return situation.from_version, situation.to_version


_QUESTIONS: Final[dict[str, Callable[[Any, Situation, Mapping[str, Any]], bool]]] = {
    "always": lambda argument, _, __: argument,
    "set_": lambda key, now, _: _some(now.user, key, lambda value: value is not None),
    "null": lambda key, now, _: _some(now.user, key, lambda value: value is None),
    "present": lambda key, _, seen: _some(seen, key, lambda _: True),
    "truthy": lambda key, _, seen: _some(seen, key, truthy),
    "equals": lambda pair, _, seen: _some(seen, pair[0], lambda value: _same(value, pair[1])),
    "user_equals": lambda pair, now, _: _some(now.user, pair[0], lambda value: _same(value, pair[1])),
    "is_": lambda pair, _, seen: (
        _some(seen, pair[0], lambda value: kind_of(value) == pair[1])
        or (pair[1] == "absent" and not _some(seen, pair[0], lambda _: True))
    ),
    "matches": lambda pair, _, seen: _some(
        seen, pair[0], lambda value: isinstance(value, str) and re.search(pair[1], value) is not None
    ),
    "from_version": lambda text, now, _: now.from_version is not None and satisfies(now.from_version, text),
    "to_version": lambda text, now, _: satisfies(now.to_version, text),
    "reuse_values": lambda wanted, now, _: now.reuse_values is wanted,
    "predicate": lambda name, now, seen: PREDICATES[name](now, seen),
}


def _same(value: object, wanted: object) -> bool:
    """Equal, and of one kind: ``1`` is not ``true``."""
    return kind_of(value) == kind_of(wanted) and value == wanted


def _places(values: object, parts: tuple[str, ...], path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if not parts:
        yield path, values
        return
    first, *rest = parts
    if isinstance(values, Mapping):
        keys = list(values) if first == "*" else [first] * (first in values)
        for key in keys:
            yield from _places(values[key], tuple(rest), (*path, key))
    elif isinstance(values, list | tuple) and first == "*":
        for index, item in enumerate(values):
            yield from _places(item, tuple(rest), (*path, index))
