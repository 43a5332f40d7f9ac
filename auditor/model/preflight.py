"""What is needed of the API server, by whom, and what of it the present identity lacks."""

from __future__ import annotations

import msgspec

from auditor.model.kubernetes import Access


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One verb on one resource; `access` names the resource and carries no verbs."""

    access: Access
    verb: str
    blinds: tuple[str, ...] = ()
    """Ids of rules that can't tell anything without it."""
    sharpens: tuple[str, ...] = ()
    """Ids of rules that can, and would tell more with it."""
    users: tuple[str, ...] = ()
    """What needs it beside rules: the search for releases, or a kind of action."""

    @property
    def resource(self) -> str:
        """As in a role: "pods/exec"."""
        below = f"/{self.access.subresource}" if self.access.subresource else ""
        return f"{self.access.resource.plural}{below}"


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A need that is refused in `namespace`; "" is all namespaces, or a resource that is in none."""

    need: Need
    namespace: str


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    purpose: str
    """What shall be done: "scan", "fix" or "upgrade"."""
    identity: str
    """As the API server knows it: "system:serviceaccount:posit-audit:posit-audit-scan"."""
    namespaces: tuple[str, ...]
    """Empty: all."""
    asked: int
    missing: tuple[Missing, ...]
