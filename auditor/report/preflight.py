"""What a preflight came to, as text and as JSON (`posit-audit.preflight/v1`), with the kubectl lines that grant what is
missing."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from auditor.model.preflight import Missing, Preflight
from auditor.printable import printable_all
from auditor.report.page import Page
from auditor.report.text import STYLES

SCHEMA = "posit-audit.preflight/v1"
_ACCOUNT = "system:serviceaccount:"


def text(result: Preflight, *, color: bool = False, width: int | None = None) -> str:
    page = Page(color=color, width=width)
    where = f"namespace {', '.join(result.namespaces)}" if result.namespaces else "all namespaces"
    page.line(
        f"As {result.identity or 'this identity'}, for {_article(result.purpose)} {result.purpose} of {where}: "
        f"{result.asked - len(result.missing)} of {result.asked} rights are there."
    )
    for one in result.missing:
        page.blank()
        page.line(("missing", STYLES["unknown"]), f"  {one.need.verb} {one.need.resource}{_where(one)}", hang=4)
        for label, names in _told(one):
            page.line((f"{label}: ", "dim"), ", ".join(names), indent=4, hang=2)
    if result.missing:
        page.blank()
        page.line("Whoever may grant it does so with:")
    for command in grants(result):
        page.line(command, indent=2)
    return page.text()


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def render(result: Preflight) -> str:
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "purpose": result.purpose,
        "identity": result.identity,
        "namespaces": list(result.namespaces),
        "asked": result.asked,
        "missing": [
            {
                "verb": one.need.verb,
                "group": one.need.access.resource.group,
                "resource": one.need.resource,
                "namespace": one.namespace,
                "unknown": list(one.need.blinds),
                "less": list(one.need.sharpens),
                "without": list(one.need.users),
            }
            for one in result.missing
        ],
        "grants": list(grants(result)),
    }
    return json.dumps(printable_all(told), indent=2) + "\n"


def grants(result: Preflight) -> Iterator[str]:
    """One role, and one line that binds it, for each set of verbs in each namespace: no role grants a verb on a
    resource for which it wasn't asked."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for one in result.missing:
        verbs.setdefault((one.namespace, _qualified(one)), []).append(one.need.verb)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (namespace, resource), some in verbs.items():
        alike.setdefault((namespace, tuple(sorted(some))), []).append(resource)
    for (namespace, some_verbs), resources in sorted(alike.items()):
        yield from _grant(namespace, some_verbs, sorted(resources), result.identity)


def _grant(namespace: str, verbs: Sequence[str], resources: Sequence[str], identity: str) -> Iterator[str]:
    digest = hashlib.sha256("\0".join((namespace, *verbs, *resources, identity)).encode()).hexdigest()[:6]
    name, kind = f"posit-audit-{'-'.join(verbs)}-{digest}", "role" if namespace else "clusterrole"
    scope = f" --namespace={namespace}" if namespace else ""
    yield f"kubectl create {kind} {name}{scope} --verb={','.join(verbs)} --resource={','.join(resources)}"
    yield f"kubectl create {kind}binding {name}{scope} --{kind}={name} {_subject(identity)}"


def _subject(identity: str) -> str:
    if identity.startswith(_ACCOUNT):
        return f"--serviceaccount={identity.removeprefix(_ACCOUNT)}"
    return f"--user={shlex.quote(identity or 'USER')}"


def _qualified(one: Missing) -> str:
    """As kubectl wants it: "deployments.apps", "pods/exec"."""
    resource, below = one.need.access.resource, one.need.access.subresource
    return f"{resource.plural}{f'.{resource.group}' if resource.group else ''}{f'/{below}' if below else ''}"


def _where(one: Missing) -> str:
    if not one.need.access.resource.granted_in_namespace:
        return ""
    return f" in namespace {one.namespace}" if one.namespace else " in all namespaces"


def _told(one: Missing) -> Iterator[tuple[str, Sequence[str]]]:
    for label, names in (
        ("needed for", one.need.users),
        ("unknown without it", one.need.blinds),
        ("less exact without it", one.need.sharpens),
    ):
        if names:
            yield label, names
