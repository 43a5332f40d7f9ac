"""Two actions on the same thing become one, or they contradict each other."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from auditor.model.action import (
    Action,
    ChangeOwnership,
    LabelServiceAccount,
    PatchValues,
    UpgradeRelease,
    ValueEdit,
)
from auditor.model.keypath import join_key


class Contradiction(Exception):
    """The clause that says which two wishes can't both be met."""


def merge(one: Action, other: Action) -> Action:
    """Raises Contradiction, also where one action contradicts itself."""
    if isinstance(one, PatchValues | UpgradeRelease) and isinstance(other, PatchValues | UpgradeRelease):
        return _helm_upgrade(one, other)
    if isinstance(one, ChangeOwnership) and isinstance(other, ChangeOwnership):
        return _ownership(one, other)
    if isinstance(one, LabelServiceAccount) and isinstance(other, LabelServiceAccount):
        if (one.key, one.value) != (other.key, other.value):
            raise Contradiction(
                f"{one.account} can't carry {one.key}={one.value} and {other.key}={other.value} at once"
            )
        return msgspec.structs.replace(one, servers=tuple(sorted({*one.servers, *other.servers})))
    if one == other:
        return one
    raise Contradiction("one thing can't be changed in two ways")


def _ownership(one: ChangeOwnership, other: ChangeOwnership) -> ChangeOwnership:
    if one.owner != other.owner:
        raise Contradiction(f"{one.claim} can't belong to {one.owner} and to {other.owner}")
    return msgspec.structs.replace(
        one,
        wrong=max(one.wrong, other.wrong),
        after_stop=one.after_stop or other.after_stop,
        placement=max(one.placement, other.placement, key=lambda placement: len(placement.others)),
        move_aside=tuple(sorted({*one.move_aside, *other.move_aside})),
    )


def _helm_upgrade(one: PatchValues | UpgradeRelease, other: PatchValues | UpgradeRelease) -> Action:
    """An upgrade takes the patches along: Helm is run once, and the server restarted once."""
    whole = one if isinstance(one, UpgradeRelease) else other
    if (one.revision, one.values_digest) != (other.revision, other.values_digest):
        raise Contradiction(f"they were made for revisions {one.revision} and {other.revision} of the release")
    edits = {_wish(edit): edit for edit in (*other.edits, *one.edits)}
    ordered = sorted(edits.values(), key=lambda edit: (edit.path, edit.op, edit.to))
    _check(ordered)
    return msgspec.structs.replace(whole, edits=tuple(ordered))


def _wish(edit: ValueEdit) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(edit, reason=""))


def _check(edits: Iterable[ValueEdit]) -> None:
    checked: list[ValueEdit] = []
    for edit in edits:
        for before in checked:
            if _collide(before, edit):
                raise Contradiction(f"both change {join_key(edit.path)} of the values, each in its own way")
        checked.append(edit)


def _collide(one: ValueEdit, other: ValueEdit) -> bool:
    if one.op == other.op == "delete":
        return False
    return any(_overlap(a, b) for a in _touched(one) for b in _touched(other))


def _touched(edit: ValueEdit) -> tuple[tuple[str, ...], ...]:
    return (edit.path, edit.to) if edit.to else (edit.path,)


def _overlap(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    shorter = min(len(a), len(b))
    return a[:shorter] == b[:shorter]
