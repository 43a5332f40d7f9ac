"""A catalog row that applies, as a finding: which of its keys the user wrote, and how it is mended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditor.catalog.conditions import asked, places
from auditor.catalog.situation import Situation
from auditor.model.catalog import Change, Condition, Effect, FailCondition, Hazard
from auditor.model.keypath import MISSING, KeyPath, join_key, look_up, split_key
from auditor.model.values import Mend, ValueFinding

_KEYED = {"set_", "null", "present", "truthy"}
_PAIRED = {"equals", "user_equals", "is_", "matches"}


def described(
    row: FailCondition | Change | Hazard, effect: Effect, now: Situation, keys: Iterable[str], *, rank: int = 0
) -> ValueFinding:
    """`row` as a finding at the first of its keys, or of the keys that its condition asks for, that the user wrote."""
    keys = tuple(keys)
    written = [path for key in keys for path, _ in places(now.user, key)]
    near = written or [path for key in keys_asked(row.when) for path, _ in places(now.user, key)]
    path = near[0] if near else ()
    return ValueFinding(
        id=row.id,
        effect=effect,
        key=join_key(written[0]) if written else keys[0],
        message=row.message,
        remedy=row.remedy_text,
        remedy_kind=row.remedy,
        source=row.source,
        to_key=row.to_key,
        mends=tuple(_mends(row, now, written)),
        path=path,
        rank=rank,
    )


def keys_asked(condition: Condition) -> Iterator[str]:
    """Every key that a condition mentions, in its order."""
    for name, argument in asked(condition):
        if name in _KEYED:
            yield argument
        elif name in _PAIRED:
            yield argument[0]
        elif name in {"all", "any"}:
            for part in argument:
                yield from keys_asked(part)
        elif name in {"not_", "before"}:
            yield from keys_asked(argument)


def _mends(row: FailCondition | Change | Hazard, now: Situation, written: Iterable[KeyPath]) -> Iterator[Mend]:
    """A key is moved only where its new place is free: two values need somebody who chooses."""
    if not row.mechanical:
        return
    for path in written:
        if row.remedy == "removed":
            yield Mend(kind="delete", path=path)
        elif row.to_key is not None and look_up(now.user, split_key(row.to_key)) in (MISSING, None):
            yield Mend(kind="move", path=path, to=split_key(row.to_key))
