"""What a namespace admits. https://kubernetes.io/docs/concepts/security/pod-security-standards/"""

from __future__ import annotations

ENFORCED = "pod-security.kubernetes.io/enforce"
"""The label of a namespace with the level that its pods must keep to."""
REFUSE_ROOT = frozenset({"restricted"})
"""Levels that admit no ownership Job, and no Job that checks a volume."""


def refused_as_root(namespace: str, because: str) -> str:
    return (
        f"Namespace {namespace} admits no pod that runs as root, as the ownership Job must ({because}). Two ways out:"
        f" lower the level while it runs (kubectl label --overwrite namespace {namespace} {ENFORCED}=baseline; on"
        " OpenShift an SCC for it), or change the ownership on the storage server itself."
    )


def refused_look(namespace: str, because: str) -> str:
    return (
        f"Namespace {namespace} admits no pod that runs as root, as the Job that checks the volume must ({because})."
        " Two ways out: check from a running pod (--probe exec), or lower the level during the check (kubectl label"
        f" --overwrite namespace {namespace} {ENFORCED}=baseline; on OpenShift an SCC for it)."
    )


def enforces(level: str) -> str:
    """Of a namespace."""
    return f"it enforces Pod Security level {level}"
