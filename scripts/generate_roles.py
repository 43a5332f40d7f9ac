"""Writes the roles of manifests/ from what inventory, rules and actions declare: python -m scripts.generate_roles"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from auditor.model.preflight import Need
from auditor.pipeline.access import for_fix, for_scan
from scripts.places import CHECKOUT

_MANIFESTS = CHECKOUT / "manifests"
_HEADER = """\
# Written by `python -m scripts.generate_roles` from what inventory, rules and actions declare: change it there.
# Above each grant stands who needs it: a check that is unknown without it, or would tell more with it.
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}
metadata:
  name: {name}
rules:
"""
_WIDTH = 118


def roles() -> Mapping[str, str]:
    """Path below manifests/ -> the role's text."""
    scan, fix = for_scan(), for_fix()
    return {
        "base/role.yaml": _role("Role", "posit-audit-scan", _namespaced(scan)),
        "cluster-wide/role.yaml": _role("ClusterRole", "posit-audit-scan", scan),
        "fix/role.yaml": _role("Role", "posit-audit-fix", _namespaced(fix)),
    }


def _namespaced(needs: Iterable[Need]) -> list[Need]:
    return [need for need in needs if need.access.resource.granted_in_namespace]


def _role(kind: str, name: str, needs: Iterable[Need]) -> str:
    grants = (_grant(list(alike)) for _, alike in groupby(needs, key=lambda need: need.access))
    return _HEADER.format(kind=kind, name=name) + "".join(line + "\n" for grant in grants for line in grant)


def _grant(needs: list[Need]) -> Iterator[str]:
    for need in needs:
        yield from textwrap.wrap(
            f"{need.verb}: {_who(need)}",
            width=_WIDTH,
            initial_indent="  # ",
            subsequent_indent="  #   ",
            break_on_hyphens=False,
        )
    verbs = ", ".join(f'"{need.verb}"' for need in needs)
    yield f'  - apiGroups: ["{needs[0].access.resource.group}"]'
    yield f'    resources: ["{needs[0].resource}"]'
    yield f"    verbs: [{verbs}]"


def _who(need: Need) -> str:
    parts = [", ".join((*need.users, *need.blinds))] if need.users or need.blinds else []
    if need.sharpens:
        parts.append(f"more with it: {', '.join(need.sharpens)}")
    return "; ".join(parts)


if __name__ == "__main__":
    for path, text in roles().items():
        (_MANIFESTS / path).parent.mkdir(parents=True, exist_ok=True)
        (_MANIFESTS / path).write_text(text, encoding="utf-8")
