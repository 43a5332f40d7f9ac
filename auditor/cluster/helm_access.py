"""A kubeconfig of one context for Helm, made where no flag of Helm's says what is meant: a user ID to impersonate,
impersonation inside a cluster, credentials for which a person was asked."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from auditor.cluster.kubeconfig import Chosen, User
from auditor.cluster.tls import KeyPair
from auditor.model.identity import Impersonation


def kubeconfig(chosen: Chosen, impersonation: Impersonation, given: tuple[str, KeyPair | None] | None) -> bytes:
    """`given`: token and certificate in place of the program that gave them."""
    user = chosen.user
    if given is not None:
        token, pair = given
        certificate, key = (base64.b64encode(part).decode() for part in pair) if pair else (None, None)
        user = User(token=token or None, client_certificate_data=certificate, client_key_data=key)
    user = msgspec.structs.replace(
        user,
        as_=impersonation.user or None,
        as_uid=impersonation.uid or None,
        as_groups=list(impersonation.groups) or None,
        as_user_extra={name: list(values) for name, values in impersonation.extra} or None,
    )
    name = chosen.name
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": chosen.namespace}}],
            "clusters": [{"name": name, "cluster": _told(chosen.cluster)}],
            "users": [{"name": name, "user": _told(user)}],
        }
    ).encode()


def _told(one: msgspec.Struct) -> dict[str, Any]:
    """As kubectl writes it: only what is set."""
    told: dict[str, Any] = msgspec.to_builtins(one)
    return {name: _without_none(value) for name, value in told.items() if value is not None}


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list) else value
