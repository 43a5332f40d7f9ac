"""Changes of a values document, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auditor.model.keypath import KeyPath


@dataclass(frozen=True, slots=True)
class Put:
    """`path` gets a value: `value`, or what stands at `source`, together with its comments.

    An index one behind the end of a list appends to it. A new key is written beside the ancestor of `near` (or
    `source`) that has the same parent, else at the end of its parent.
    """

    path: KeyPath
    value: Any = None
    source: KeyPath | None = None
    near: KeyPath | None = None


@dataclass(slots=True)
class Branch:
    """Changes by place: what happens at this place, and below it."""

    put: Put | None = None
    below: dict[str | int, Branch] = field(default_factory=dict)

    def at(self, path: KeyPath) -> Branch:
        branch = self
        for part in path:
            branch = branch.below.setdefault(part, Branch())
        return branch

    def origins(self) -> list[KeyPath]:
        """Where the values put here or below came from, or stand near to."""
        own = [] if self.put is None else [self.put.near or self.put.source or ()]
        return [*(path for path in own if path), *(path for b in self.below.values() for path in b.origins())]
