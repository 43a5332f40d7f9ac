"""What is said about values, with its keys as they are printed."""

from __future__ import annotations

import msgspec

from auditor.model.migration import Note
from auditor.model.values import ValueFinding
from auditor.names.shown import key


def finding(one: ValueFinding) -> ValueFinding:
    """`path` is what the finding is about still, and is never printed."""
    return msgspec.structs.replace(one, key=key(one.key), to_key=key(one.to_key) if one.to_key else one.to_key)


def note(one: Note) -> Note:
    message = one.message
    for raw in filter(None, (one.key, one.to)):
        message = message.replace(raw, key(raw))
    return msgspec.structs.replace(one, key=key(one.key), to=key(one.to), message=message)
