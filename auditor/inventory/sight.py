"""What a look into a volume saw, however it was made."""

from __future__ import annotations

import msgspec

from auditor.model.ownership import Owner, WrongOwner


class Tools(msgspec.Struct, frozen=True):
    """What the container has, and who a command in it runs as."""

    python: str
    """The interpreter; "" without one."""
    user: Owner
    root_activations: tuple[str, ...]
    limits: tuple[str, ...] = ()
    """Of the shell program without Python."""


class Sight(msgspec.Struct, frozen=True):
    seen: int
    wrong: tuple[WrongOwner, ...]
    exhaustive: bool
    detectable_share: float | None = None
    """Where not exhaustive: the smallest share of wrong entries, strewn evenly, that it meets with 95 %."""
    detectable_directories: float | None = None
    """The same where whole directories are wrong."""
    estimated: int | None = None
    """How many entries there may be in all."""


class JobSight(msgspec.Struct, frozen=True):
    """What a Job of our own saw of a claim."""

    tools: Tools
    sight: Sight
