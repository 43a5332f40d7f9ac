"""The roles of manifests/ are what inventory, rules and actions declare: nothing less, and nothing more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.pipeline.access import for_fix, for_scan, for_upgrade
from auditor.rules import discover
from scripts.generate_roles import namespaces, role_bindings, roles

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
SCANNING = ("base/role.yaml", "cluster-wide/role.yaml")
WITHOUT_EXEC = ("without-exec/role.yaml", "without-exec/cluster_role.yaml", "without-exec/fix_role.yaml")
IN_NO_NAMESPACE = {need.resource for need in for_fix() if not need.access.resource.granted_in_namespace}


def grants(path: str) -> dict[tuple[str, str], set[str]]:
    """(group, resource) -> verbs."""
    found: dict[tuple[str, str], set[str]] = {}
    role: Any = yaml.safe_load((MANIFESTS / path).read_text())
    for rule in role["rules"]:
        (group,), (resource,) = rule["apiGroups"], rule["resources"]
        assert (group, resource) not in found
        found[group, resource] = set(rule["verbs"])
    return found


@pytest.mark.parametrize("path", sorted(roles()))
def test_the_roles_are_as_they_would_be_written_now(path: str) -> None:
    assert (MANIFESTS / path).read_text() == roles()[path], "run: python -m scripts.generate_roles"


def test_the_role_bindings_are_those_of_the_list_of_namespaces() -> None:
    listed = namespaces(MANIFESTS)
    text = (MANIFESTS / "fix/role_bindings.yaml").read_text()
    assert text == role_bindings(listed), "run: python3 -m scripts.generate_roles"
    assert [one["metadata"]["namespace"] for one in yaml.safe_load_all(text)] == listed


@pytest.mark.parametrize("path", WITHOUT_EXEC)
def test_without_exec_no_role_has_it_and_a_scan_has_no_verb_but_reading(path: str) -> None:
    assert ("", "pods/exec") not in grants(path)
    assert "fix" in path or {verb for verbs in grants(path).values() for verb in verbs} == {"get", "list"}


@pytest.mark.parametrize("path", sorted(roles()))
def test_no_grant_holds_a_wildcard(path: str) -> None:
    assert not [grant for grant, verbs in grants(path).items() if "*" in {*grant, *verbs}]


@pytest.mark.parametrize("path", SCANNING)
def test_a_scan_may_only_read(path: str) -> None:
    others = {grant: verbs - {"get", "list"} for grant, verbs in grants(path).items()}
    assert {grant: verbs for grant, verbs in others.items() if verbs} == {("", "pods/exec"): {"create"}}


@pytest.mark.parametrize("path", ["base/role.yaml", "fix/role.yaml"])
def test_a_role_in_a_namespace_asks_for_nothing_outside_of_it(path: str) -> None:
    assert {"persistentvolumes", "storageclasses"} == IN_NO_NAMESPACE
    assert not {resource for _, resource in grants(path)} & IN_NO_NAMESPACE


def test_each_right_has_somebody_who_needs_it() -> None:
    assert not [
        need for need in (*for_scan(), *for_fix(), *for_upgrade()) if not (need.blinds or need.sharpens or need.users)
    ]


def test_each_right_of_a_rule_names_that_rule() -> None:
    """A rule that reads something and is named nowhere would be blind without a word in any role."""
    named = {rule for need in for_scan() for rule in need.blinds}
    assert named == {loaded.id for loaded in discover()}


def test_the_agent_that_repairs_may_not_upgrade() -> None:
    """The CronJob never gets --to, so its role has nothing that only an upgrade needs."""
    fix = {(need.access, need.verb) for need in for_fix()}
    more = {(need.resource, need.verb) for need in for_upgrade() if (need.access, need.verb) not in fix}
    assert ("ingresses", "create") in more
    assert ("", "persistentvolumeclaims") in grants("fix/role.yaml")
    assert grants("fix/role.yaml")["", "persistentvolumeclaims"] == {"get", "patch"}
