"""What a condition is asked about: one release's values, with what they become at both ends of an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Values as the user wrote them, and as the templates see them before and after.

    user: the merged values files. after: `user` over the target chart's defaults. before: over the defaults of the
    chart that runs now; None where that version isn't known. app_version: what the target chart runs by default.
    namespace: the release's, as `helm template` sees it.
    """

    user: Mapping[str, Any]
    after: Mapping[str, Any]
    before: Mapping[str, Any] | None
    to_version: str
    from_version: str | None = None
    app_version: str | None = None
    namespace: str = "default"
    reuse_values: bool = False
