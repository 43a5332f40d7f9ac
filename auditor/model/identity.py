"""As whom the API server is asked, where that is not the owner of the credentials."""

from __future__ import annotations

import shlex
from urllib.parse import quote

import msgspec

_IN_A_HEADER = "!#$&'*+-.^_`|~"
"""What a header's name may hold beside letters and digits."""


class Impersonation(msgspec.Struct, frozen=True, kw_only=True):
    """All empty: the owner of the credentials asks for themselves."""

    user: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """No flag of kubectl or Helm sets it; only a kubeconfig does (`as-user-extra`)."""

    def over(self, other: Impersonation) -> Impersonation:
        """Each field of its own, as client-go merges flags over a kubeconfig's user: `--as` alone keeps `as-groups`."""
        return Impersonation(
            user=self.user or other.user,
            groups=self.groups or other.groups,
            uid=self.uid or other.uid,
            extra=self.extra or other.extra,
        )

    @property
    def headers(self) -> list[tuple[str, str]]:
        """In the API server's form (k8s.io/client-go, transport/round_trippers.go)."""
        if not self.user:
            return []
        extra = [
            (f"Impersonate-Extra-{quote(name, safe=_IN_A_HEADER)}", value)
            for name, all_ in self.extra
            for value in all_
        ]
        uid = [("Impersonate-Uid", self.uid)] if self.uid else []
        groups = [("Impersonate-Group", group) for group in self.groups]
        return [("Impersonate-User", self.user), *uid, *groups, *extra]

    @property
    def flags(self) -> str:
        """kubectl's, as they are typed, with a space before each."""
        pairs = (("--as", self.user), ("--as-uid", self.uid), *(("--as-group", group) for group in self.groups))
        return "".join(f" {name} {shlex.quote(value)}" for name, value in pairs if value)
