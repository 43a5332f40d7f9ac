"""What `helm upgrade` will certainly ask of the API server, asked before: Helm's own dry run asks for none of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from auditor.apply.tools import Tools
from auditor.helm.dry_run import Rendered
from auditor.model.kubernetes import CHART_OBJECTS, JOBS, SECRETS, SERVICE_MONITORS, Access, Resource

_KINDS: Final = {
    (resource.api_version, resource.kind): resource for resource in (*CHART_OBJECTS, JOBS, SERVICE_MONITORS)
}
"""Of other kinds only Helm's own refusal tells."""


def missing(objects: Iterable[Rendered], namespace: str, tools: Tools, *, server_side: bool = False) -> tuple[str, ...]:
    """Each as in "create secrets in namespace x". A server-side apply patches every object; which ones Helm patches
    otherwise is not known before, and is not asked."""
    record = [(verb, SECRETS, namespace) for verb in ("create", "update")]
    verbs = ("get", "patch") if server_side else ("get",)
    shown = {
        (verb, _KINDS[one.api_version, one.kind], one.namespace or namespace)
        for one in objects
        for verb in verbs
        if (one.api_version, one.kind) in _KINDS
    }
    asked = [*record, *sorted(shown, key=lambda one: (one[2], one[1].plural, one[0]))]
    return tuple(_said(*one) for one in asked if not tools.reader.allowed(Access(one[1], ()), one[0], one[2]))


def lacking(accesses: Iterable[Access], namespace: str, tools: Tools) -> tuple[str, ...]:
    """The same for what these name."""
    return tuple(
        _said(verb, access.resource, namespace)
        for access in accesses
        for verb in access.verbs
        if not tools.reader.allowed(access, verb, namespace)
    )


def _said(verb: str, resource: Resource, namespace: str) -> str:
    return f"{verb} {resource.plural} in namespace {namespace}"
