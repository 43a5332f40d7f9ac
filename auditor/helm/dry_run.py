"""What Helm says of an upgrade that it did not make."""

from __future__ import annotations

import json

import msgspec

from auditor.helm.manifest import documents
from auditor.model.seen import Withheld


class Rendered(msgspec.Struct, frozen=True, order=True):
    """One object of the manifest; `namespace` is "" where it names none, which is the release's. Its content may hold
    secrets and is not kept."""

    api_version: str
    kind: str
    namespace: str


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    hooks: tuple[str, ...]
    """Templates of the hooks that the upgrade would run."""
    objects: tuple[Rendered, ...]
    """Without repetitions, and without hooks."""
    manifest: Withheld[str] = Withheld("")


def read(said: str) -> DryRun:
    """From `helm upgrade --dry-run --output json`. Raises ValueError, whose text may hold secrets."""
    try:
        told = json.loads(said)
        hooks = [str(h["path"]) for h in told.get("hooks") or () if {"pre-upgrade", "post-upgrade"} & {*h["events"]}]
        manifest = told.get("manifest") or ""
        objects = {
            Rendered(one["apiVersion"], one["kind"], (one.get("metadata") or {}).get("namespace") or "")
            for one in documents(manifest)
        }
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(type(error).__name__) from None
    return DryRun(hooks=tuple(hooks), objects=tuple(sorted(objects)), manifest=Withheld(manifest))
