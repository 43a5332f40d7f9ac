"""The lines of a journal."""

from __future__ import annotations

import msgspec

from auditor.model.outcome import Outcome
from auditor.model.plan import Step

SCHEMA = "posit-audit.journal/v1"


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="header"):
    schema: str = SCHEMA
    version: str
    server: str
    context: str
    time: str


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="intent"):
    """Written before the step touches anything."""

    time: str
    step: Step


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="outcome"):
    time: str
    outcome: Outcome


class Made(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="made"):
    """A Job that the step made, or found to be its own: its name proves nothing."""

    time: str
    step: str
    job: str
    """Its uid."""


class Interrupted(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="interrupted"):
    time: str
    step: str


class Undone(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="undone"):
    time: str
    outcome: Outcome


Record = Header | Intent | Made | Ended | Interrupted | Undone
