"""An API server that falls silent while something in the cluster is waited for, which goes on by itself meanwhile."""

from __future__ import annotations

from auditor.errors import ClusterError, PositAuditError, Unavailable

SILENT = (Unavailable, ClusterError)
"""No answer, or none of an API server's. It gave one when the wait began, so that it is being upgraded, or the proxy
before it restarts: both take minutes and pass."""


def silent(error: PositAuditError) -> str:
    return f"the API server does not answer ({error.message.rstrip('.')})"
