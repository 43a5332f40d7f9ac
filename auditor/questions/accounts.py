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


def of_kubernetes(account: ObjectRef) -> str:
    """Why content never runs as it, or "". The prefix is reserved for namespaces of Kubernetes itself.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#working-with-namespaces"""
    if not account.namespace.startswith("kube-"):
        return ""
    return (
        f"{account.namespace} is a namespace of Kubernetes itself, and content must never run as one of its accounts."
        " Correct the namespace in Connect's configuration."
    )


def is_servers_own(release: ReleaseState, account: ObjectRef) -> bool:
    """Whether Connect's server runs as it. Raises NotSeenError."""
    return account == servers_account(release)


def servers_account(release: ReleaseState) -> ObjectRef:
    """As which the server runs. Raises NotSeenError."""
    return ObjectRef("ServiceAccount", release.ref.namespace, required.workload(release).service_account)
