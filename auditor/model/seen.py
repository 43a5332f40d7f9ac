"""What could not be looked at is a value, not a gap: every facet of a snapshot is either its noun or `Unseen`."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """`reason`: why it could not be seen, one sentence. `how`: what to do to see it."""

    reason: str
    how: str = ""


class NotSeenError(Exception):
    """Raised by `seen` inside a rule; the judge turns it into an unknown finding."""

    def __init__(self, unseen: Unseen) -> None:
        super().__init__(unseen.reason)
        self.unseen = unseen


def seen(facet: T | Unseen) -> T:
    """The facet itself. Raises NotSeenError where it is `Unseen`."""
    if isinstance(facet, Unseen):
        raise NotSeenError(facet)
    return facet


class Withheld(Generic[T]):
    """Holds what may contain secrets (values, gcfg, environment), so that no repr, log line or traceback shows it."""

    __slots__ = ("_content",)

    def __init__(self, content: T) -> None:
        self._content = content

    def reveal(self) -> T:
        return self._content

    def __repr__(self) -> str:
        return "<withheld>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Withheld) and bool(self._content == other._content)

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> Any:
        raise TypeError("withheld content is never serialised")
