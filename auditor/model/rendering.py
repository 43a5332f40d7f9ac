"""What Helm renders for one release, as far as a plan shows it."""

from __future__ import annotations

import msgspec


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """It settles what is applied later: a rendering that differs is refused."""

    chart: str
    """The SHA-256 of the chart."""
    objects: str
    """A digest of all objects, contents of Secrets left out, and of those that are deleted."""
    manifest: str
    """A digest of the manifest that the release has now: what `undo` rolls back to."""
    changes: tuple[str, ...] = ()
    """Lines that say what differs from the cluster; no value that may be a secret."""
    hooks: bool = False
    """Whether hooks are run: those that --unsafe lets pass."""
    accepted: tuple[str, ...] = ()
    """What --unsafe lets pass, a sentence each."""
    templates: tuple[str, ...] = ()
    """Keys of values whose templates --allow-template lets run."""
