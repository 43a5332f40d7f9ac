"""The pod that posit-audit itself runs in, where it runs inside the cluster."""

from __future__ import annotations

import msgspec


class OwnPod(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
