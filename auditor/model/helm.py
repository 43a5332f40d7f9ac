"""A release as Helm tells of it: its newest revision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from auditor.model.seen import Withheld

SERVER_SIDE: Final = "ssa"
"""helm.sh/helm/v4/pkg/release/v1/release.go"""


class HelmStatus(StrEnum):
    """Helm's own words (helm.sh/helm/v4/pkg/release/common/status.go)."""

    UNKNOWN = "unknown"
    DEPLOYED = "deployed"
    UNINSTALLED = "uninstalled"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    UNINSTALLING = "uninstalling"
    PENDING_INSTALL = "pending-install"
    PENDING_UPGRADE = "pending-upgrade"
    PENDING_ROLLBACK = "pending-rollback"


class HelmRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The newest revision of a release as Helm stores it."""

    revision: int
    status: HelmStatus
    description: str
    """Helm's own sentence about the last operation, with anything that could be a value cut off."""
    chart_name: str
    chart_version: str
    app_version: str
    values: Withheld[Mapping[str, Any]]
    """What the user supplied."""
    defaults: Withheld[Mapping[str, Any]]
    """The chart's own values.yaml."""
    values_digest: str
    """sha256 over the canonical JSON of the user-supplied values: a plan's precondition."""
    manifest: Withheld[str] = Withheld("")
    """The objects as rendered, hooks excluded: YAML documents."""
    apply_method: str = ""
    """How Helm 4 made it: "ssa" by server-side apply, "csa" as Helm 3 does; Helm 3 records none."""
    updated: datetime | None = None

    @property
    def server_side(self) -> bool:
        """Helm 4 alone knows this method: Helm 3 would go on without it and drop it from the record."""
        return self.apply_method == SERVER_SIDE
