"""What is said about a migrated values document."""

from __future__ import annotations

from typing import Literal

import msgspec

NoteKind = Literal["moved", "dropped", "kept", "conflict", "decision"]
"""moved: stands at `to` now. dropped: taken out, the message says why. kept: left where it is, and why that is worth
knowing. conflict: its new place holds something else; both were left. decision: only a person can say."""


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where one key, with all that stands below it, went. Names of keys only: values may be secrets.

    key, to: dotted; a list's item is ``[0]`` or, by its name, ``[connect-content]``. file, line, column (from 1): where
    the key stood before. source: the public page or file that the note rests on.
    """

    kind: NoteKind
    key: str
    message: str
    to: str = ""
    source: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def needs_decision(self) -> bool:
        return self.kind in ("conflict", "decision")


class ContentAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A service account that content runs as and that the direct runner wants labelled. Namespace "": the release's."""

    name: str
    namespace: str = ""
