"""What a run was asked for, frozen, and passed as an argument: nothing here is global."""

from __future__ import annotations

import msgspec


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the cluster; the names are kubectl's. None takes what kubectl would take."""

    kubeconfig: str | None = None
    context: str | None = None
    impersonate: str | None = None
    """`--as`: every request and every exec is made as this user."""
    impersonate_group: str | None = None
    request_timeout: float = 30.0
    """Seconds for one request."""
