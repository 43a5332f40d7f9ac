"""What a run tells while it works. The command line renders it; nothing here prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from auditor.model.outcome import Outcome
from auditor.model.plan import Step

Tick = Callable[[Mapping[str, Any]], None]
"""Called about once a second. `news` is a sentence that nobody may miss ("Pod x was evicted; ..."), `note` one that the
next may take the place of ("waiting for pod x: Pending"); of an ownership step also `seen`, `wrong`, `changed`,
`failed` (entries so far) and `per_second`."""


class Progress(Protocol):
    def step(self, step: Step) -> None:
        """It begins."""

    def tick(self, step: Step, counts: Mapping[str, Any]) -> None:
        """It goes on; see Tick."""

    def done(self, step: Step, outcome: Outcome) -> None:
        """It ended, well or not."""


class Silent:
    """A Progress for nobody."""

    def step(self, step: Step) -> None:
        pass

    def tick(self, step: Step, counts: Mapping[str, Any]) -> None:
        pass

    def done(self, step: Step, outcome: Outcome) -> None:
        pass
