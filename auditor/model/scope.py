"""Where an inventory looks, and how far it goes to look into volumes."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ProbeMode(StrEnum):
    AUTO = "auto"
    """Whatever changes nothing: today the same as exec."""
    EXEC = "exec"
    """A read-only command in a running pod of the release."""
    JOB = "job"
    """A short-lived Job of our own that mounts the claim read-only."""
    OFF = "off"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """`namespaces` as given by -n; without any: all where allowed, else `current`, and the snapshot says so."""

    namespaces: tuple[str, ...] = ()
    all_namespaces: bool = False
    """-A: asked for by name; no namespaces then."""
    current: str = "default"
    """The namespace of the kubeconfig's context."""
