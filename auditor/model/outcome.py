"""What became of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from auditor.model.kubernetes import ObjectRef
from auditor.model.snapshot import ReleaseRef


class State(StrEnum):
    DONE = "done"
    ALREADY = "already"
    """Nothing to do: it was as planned before we came."""
    FAILED = "failed"
    REFUSED = "refused"
    """A guard or precondition said no; the object was not touched."""
    SKIPPED = "skipped"
    """An earlier step failed."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    object: ObjectRef
    state: State
    message: str
    details: Mapping[str, Any] = {}
    """Counts and names, as the journal and the report show them."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the second scan says about one finding that steps were to mend."""

    steps: tuple[str, ...]
    """Their ids, in order."""
    rule: str
    release: ReleaseRef
    object: ObjectRef
    mended: bool
    message: str
