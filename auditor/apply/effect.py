"""What every kind of action can do, and what one attempt came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.model.kubernetes import Access
from auditor.model.outcome import State
from auditor.model.rendering import Rendering


@dataclass(frozen=True)
class Effect:
    """DONE or ALREADY, with a sentence and what the journal and the report shall know of it."""

    state: State
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


class Performer(Protocol):
    """A module of `apply/actions/`: one per class of action. All raise ApiError, HelmError and what is named."""

    ACCESS: tuple[Access, ...]
    """What the identity needs for it."""

    def check(self, action: Any, tools: Tools) -> str:
        """Reads only. Why there is nothing to do, or "". Raises PlanRefused where a guard says no, PlanIsStale where
        the object is no longer what the plan was made for."""

    def rehearse(self, action: Any, tools: Tools) -> Rendering | None:
        """Asks the API server (and Helm) whether it would go through; stores nothing. What Helm would apply. Raises
        PlanRefused."""

    def act(self, action: Any, tools: Tools, tick: Tick) -> Effect:
        """Does it and waits for the result. Raises ActionFailed where it began and did not reach its end."""

    def undo(self, action: Any, tools: Tools, tick: Tick) -> Effect:
        """Takes it back; ALREADY where there is nothing to take back. Raises PlanRefused where somebody else changed it
        since."""
