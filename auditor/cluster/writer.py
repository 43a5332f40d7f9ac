"""The only door through which posit-audit changes a cluster. `apply/` uses it; `scan` cannot reach it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.cluster.connect import Connection
from auditor.cluster.request import path_of, refusal, send
from auditor.model.kubernetes import Resource

FIELD_MANAGER = "posit-audit"


class Writer:
    """With `dry_run` the API server goes through admission and validation, and stores nothing. Raises Forbidden,
    Conflict, Invalid, NotFound or Unavailable, each with its sentence."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def apply(
        self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False, manager: str = FIELD_MANAGER
    ) -> dict[str, Any]:
        """Server-side apply. A field that another manager owns is a Conflict, never taken over."""
        namespace, name = _where(body)
        refused = refusal(self.connection, "patch", resource, namespace, name)
        return send(
            self.connection,
            "PATCH",
            path_of(resource, namespace, name),
            refused,
            query=_query(dry_run, fieldManager=manager),
            content_type="application/apply-patch+yaml",
            body={"apiVersion": resource.api_version, "kind": resource.kind, **body},
        )

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        namespace, name = _where(body)
        refused = refusal(self.connection, "create", resource, namespace, name)
        return send(
            self.connection,
            "POST",
            path_of(resource, namespace),
            refused,
            query=_query(dry_run, fieldManager=FIELD_MANAGER),
            body={"apiVersion": resource.api_version, "kind": resource.kind, **body},
        )

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        subresource: str = "",
    ) -> dict[str, Any]:
        """A JSON merge patch; uid and resourceVersion in its metadata are preconditions."""
        refused = refusal(self.connection, "patch", resource, namespace, name, subresource)
        return send(
            self.connection,
            "PATCH",
            path_of(resource, namespace, name, subresource),
            refused,
            query=_query(dry_run, fieldManager=FIELD_MANAGER),
            content_type="application/merge-patch+json",
            body=dict(body),
        )

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "", dry_run: bool = False) -> None:
        """Deletes the object and what it owns; with `uid` only that very object."""
        refused = refusal(self.connection, "delete", resource, namespace, name)
        options: dict[str, Any] = {"propagationPolicy": "Foreground"}
        if uid:
            options["preconditions"] = {"uid": uid}
        send(
            self.connection,
            "DELETE",
            path_of(resource, namespace, name),
            refused,
            query=_query(dry_run),
            body=options,
        )


def _where(body: Mapping[str, Any]) -> tuple[str, str]:
    metadata = body["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def _query(dry_run: bool, **parameters: str) -> dict[str, str]:
    return {**parameters, "dryRun": "All"} if dry_run else parameters
