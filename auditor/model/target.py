"""What the chart version that `--to` asks for would make of one release."""

from __future__ import annotations

import msgspec

from auditor.model.migration import Note
from auditor.model.ownership import Owner
from auditor.model.seen import Unseen
from auditor.model.values import Lint, ValueFinding


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """`present` and `version`: of the chart, as the release is and as it is asked for; equal where nothing is to do,
    and then nothing else is told."""

    present: str
    version: str
    lint: Lint | None = None
    """What becomes of the values as they are."""
    notes: tuple[Note, ...] = ()
    """Where the migration takes which key."""
    owner: Owner | Unseen | None = None
    """Whom Package Manager runs as there, and so who must own its files; None where values and chart name nobody."""
    catalog: str = ""
    """A digest of the rows that --catalog added to those that it is judged by."""
    image: str = ""
    """The server's image there, as far as the values and the chart's defaults say it."""
    ownership_hook: bool = False
    """Whether the chart would run its own ownership hook there."""
    failed: bool = False
    """The release has that chart in a revision that Helm did not bring to its end."""

    @property
    def reached(self) -> bool:
        return self.present == self.version

    def findings(self, effect: str) -> tuple[ValueFinding, ...]:
        """The most important first."""
        return tuple(f for f in self.lint.findings if f.effect == effect) if self.lint else ()

    @property
    def open_questions(self) -> tuple[Note, ...]:
        """What only a person can decide."""
        return tuple(note for note in self.notes if note.needs_decision)
