"""Writes the roles of manifests/ from what inventory, rules and actions declare, and the RoleBindings of overlay `fix`
from the list of namespaces in manifests/fix/agent/namespaces.yaml: python3 -m scripts.generate_roles"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import yaml

from auditor.model.preflight import Need
from auditor.pipeline.access import OWN_POD, for_fix, for_scan
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
_BINDINGS = "fix/role_bindings.yaml"
_NAMESPACES = "fix/agent/namespaces.yaml"
_BINDING = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: posit-audit-fix
  namespace: {namespace}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: posit-audit-fix
subjects:
  - kind: ServiceAccount
    name: posit-audit-fix
    namespace: posit-audit-fix
"""


def roles() -> Mapping[str, str]:
    """Path below manifests/ -> the role's text."""
    scan, fix = for_scan(), for_fix()
    own_pod = [need for need in fix if OWN_POD in need.users]
    return {
        "base/role.yaml": _role("Role", "posit-audit-scan", _namespaced(scan)),
        "cluster-wide/role.yaml": _role("ClusterRole", "posit-audit-scan", scan),
        # Bound by RoleBindings alone, in each namespace of the list.
        "fix/role.yaml": _role("ClusterRole", "posit-audit-fix", _namespaced(fix)),
        "fix/agent/role.yaml": _role("Role", "posit-audit-fix-own-pod", own_pod),
        "without-exec/role.yaml": _role("Role", "posit-audit-scan", _without_exec(_namespaced(scan))),
        "without-exec/cluster_role.yaml": _role("ClusterRole", "posit-audit-scan", _without_exec(scan)),
        "without-exec/fix_role.yaml": _role("ClusterRole", "posit-audit-fix", _without_exec(_namespaced(fix))),
    }


def role_bindings(namespaces: Iterable[str]) -> str:
    return f"# Written by `python3 -m scripts.generate_roles` from {_NAMESPACES}: change it there.\n" + "".join(
        _BINDING.format(namespace=namespace) for namespace in namespaces
    )


def namespaces(folder: Path) -> list[str]:
    """Those of the list in a folder of manifests."""
    listed = yaml.safe_load((folder / _NAMESPACES).read_text(encoding="utf-8"))
    return str(listed["data"]["POSIT_AUDIT_NAMESPACES"]).split()


def _without_exec(needs: Iterable[Need]) -> list[Need]:
    return [need for need in needs if need.resource != "pods/exec"]


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
    bindings = {_BINDINGS: role_bindings(namespaces(_MANIFESTS))}
    for path, text in {**roles(), **bindings}.items():
        (_MANIFESTS / path).parent.mkdir(parents=True, exist_ok=True)
        (_MANIFESTS / path).write_text(text, encoding="utf-8")
