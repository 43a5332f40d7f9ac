"""What Helm says of an upgrade that it did not make."""

from __future__ import annotations

import json

import msgspec

from auditor.helm.objects import read as documents
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
    hook_manifests: Withheld[str] = Withheld("")
    """Of those that the upgrade would run."""


def read(said: str) -> DryRun:
    """From `helm upgrade --dry-run --output json`. Raises ValueError, whose text may hold secrets."""
    try:
        told = json.loads(said)
        hooks = [h for h in told.get("hooks") or () if {"pre-upgrade", "post-upgrade"} & {*h["events"]}]
        manifest = told.get("manifest") or ""
        objects = {Rendered(one.key.api_version, one.key.kind, one.key.namespace) for one in documents(manifest)}
        paths = tuple(str(hook["path"]) for hook in hooks)
        texts = "\n".join(str(hook.get("manifest")) for hook in hooks)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(type(error).__name__) from None
    return DryRun(
        hooks=paths, objects=tuple(sorted(objects)), manifest=Withheld(manifest), hook_manifests=Withheld(texts)
    )
