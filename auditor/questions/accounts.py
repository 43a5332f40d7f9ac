"""As whom Connect's content runs, and which account is the server's."""

from __future__ import annotations

from auditor.model.kubernetes import ObjectRef
from auditor.model.snapshot import Content, ReleaseState
from auditor.questions import required


def accounts_of_content(content: Content) -> dict[str, tuple[str, ...]]:
    """Each account that content is known to use, with where that was seen."""
    found: dict[str, dict[str, None]] = {}
    for use in sorted(content.uses):
        found.setdefault(use.account, {})[use.evidence] = None
    return {account: tuple(evidence) for account, evidence in found.items()}


def is_servers_own(release: ReleaseState, account: ObjectRef) -> bool:
    """Whether Connect's server runs as it. Raises NotSeenError."""
    return (account.namespace, account.name) == (
        release.ref.namespace,
        required.workload(release).service_account,
    )
