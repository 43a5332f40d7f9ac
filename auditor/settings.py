"""What a run was asked for, frozen, and passed as an argument: nothing here is global."""

from __future__ import annotations

import msgspec

from auditor.model.identity import Impersonation


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the cluster; the names are kubectl's. None takes what kubectl would take."""

    kubeconfig: str | None = None
    context: str | None = None
    impersonate: str | None = None
    """`--as`: every request, every exec and Helm are made as this user."""
    impersonate_groups: tuple[str, ...] = ()
    impersonate_uid: str | None = None
    request_timeout: float = 30.0
    """Seconds for one request."""

    @property
    def impersonation(self) -> Impersonation:
        """What the flags ask for; a kubeconfig's user may ask for more."""
        return Impersonation(
            user=self.impersonate or "", groups=self.impersonate_groups, uid=self.impersonate_uid or ""
        )
