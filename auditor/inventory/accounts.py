"""Service accounts and role bindings where the server and its content run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.inventory.asking import Look, reading
from auditor.inventory.config import config
from auditor.model.kubernetes import ROLE_BINDINGS, SERVICE_ACCOUNTS, Access, ObjectRef
from auditor.model.product import Product
from auditor.model.snapshot import Facet, RoleBinding, ServiceAccount
from auditor.questions.content import namespace


@reading(Facet.SERVICE_ACCOUNTS, Access(SERVICE_ACCOUNTS, ("list",)), needs=(config,))
def service_accounts(look: Look) -> tuple[ServiceAccount, ...]:
    return tuple(
        ServiceAccount(
            ref=ObjectRef("ServiceAccount", place, metadata["name"]),
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            labels=metadata.get("labels") or {},
            last_manager=_last_manager(metadata),
        )
        for place in _namespaces(look)
        for metadata in (body["metadata"] for body in look.ask.list(SERVICE_ACCOUNTS, place, bare=True))
    )


def _last_manager(metadata: Mapping[str, Any]) -> str:
    entries = [entry for entry in metadata.get("managedFields") or () if entry.get("time") and entry.get("manager")]
    if not entries:
        return ""
    last = max(entries, key=lambda entry: str(entry["time"]))
    return f"{last['manager']} ({last.get('operation', 'unknown')}, {last['time']})"


@reading(Facet.ROLE_BINDINGS, Access(ROLE_BINDINGS, ("list",)), needs=(config,))
def role_bindings(look: Look) -> tuple[RoleBinding, ...]:
    return tuple(
        RoleBinding(
            ref=ObjectRef("RoleBinding", place, body["metadata"]["name"]),
            role=body["roleRef"]["name"],
            accounts=tuple(
                (subject.get("namespace") or place, subject["name"])
                for subject in body.get("subjects") or ()
                if subject["kind"] == "ServiceAccount"
            ),
        )
        for place in _namespaces(look)
        for body in look.ask.list(ROLE_BINDINGS, place)
    )


def _namespaces(look: Look) -> tuple[str, ...]:
    """The release's, then the content's where that is another."""
    rendered = config(look) if look.found.product is Product.CONNECT else None
    content = namespace(rendered, look.namespace) if rendered else look.namespace
    return tuple(dict.fromkeys((look.namespace, content)))
