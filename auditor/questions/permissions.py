"""Whether one RBAC object grants more than another. Pure, and total: what is not understood grants more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

from auditor.names.shown import name

RBAC: Final = "rbac.authorization.k8s.io"
_ANY: Final = "*"


def is_rbac(api_version: str) -> bool:
    return api_version.partition("/")[0] == RBAC


def wider(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """`live`: None where it does not exist."""
    if live is None:
        return True
    try:
        if str(wanted.get("kind", "")).endswith("Binding"):
            return _binding_is_wider(wanted, live)
        if wanted.get("aggregationRule") and wanted["aggregationRule"] != live.get("aggregationRule"):
            return True
        held = list(live.get("rules") or ())
        return any(not _covered(one, held) for rule in wanted.get("rules") or () for one in _grants(rule))
    except (AttributeError, KeyError, TypeError):
        return True


def in_words(body: Mapping[str, Any]) -> Iterator[str]:
    """What it grants."""
    for rule in body.get("rules") or ():
        what = [*(rule.get("resources") or ()), *(rule.get("nonResourceURLs") or ())]
        names = rule.get("resourceNames") or ()
        only = f" (only {', '.join(name(str(one)) for one in names)})" if names else ""
        yield f"{', '.join(map(str, rule.get('verbs') or ()))} on {', '.join(map(str, what))}{only}"
    if role := body.get("roleRef"):
        yield f"binds {role.get('kind')} {name(str(role.get('name')))}"
    for subject in body.get("subjects") or ():
        where = f"{subject['namespace']}/" if subject.get("namespace") else ""
        yield f"to {subject.get('kind')} {name(where + str(subject.get('name')))}"


def _binding_is_wider(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    def subjects(body: Mapping[str, Any]) -> set[tuple[str, ...]]:
        found = body.get("subjects") or ()
        return {(one["kind"], one.get("namespace") or "", one["name"]) for one in found}

    def role(body: Mapping[str, Any]) -> tuple[str, str]:
        return body["roleRef"]["kind"], body["roleRef"]["name"]

    return role(wanted) != role(live) or not subjects(wanted) <= subjects(live)


def _grants(rule: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Verb, group, resource, name and URL, each alone; "" where the rule does not narrow it."""
    verbs = rule.get("verbs") or ()
    names = rule.get("resourceNames") or ("",)
    for verb, group, resource, one in product(verbs, rule.get("apiGroups") or (), rule.get("resources") or (), names):
        yield verb, group, resource, one, ""
    for verb, url in product(verbs, rule.get("nonResourceURLs") or ()):
        yield verb, "", "", "", url


def _covered(grant: tuple[str, str, str, str, str], rules: list[Mapping[str, Any]]) -> bool:
    verb, group, resource, name, url = grant
    for rule in rules:
        if not {verb, _ANY} & {*(rule.get("verbs") or ())}:
            continue
        if url:
            if {url, _ANY} & {*(rule.get("nonResourceURLs") or ())}:
                return True
            continue
        names = rule.get("resourceNames") or ()
        if (
            {group, _ANY} & {*(rule.get("apiGroups") or ())}
            and {resource, _ANY} & {*(rule.get("resources") or ())}
            and (not names or name in names)
        ):
            return True
    return False
