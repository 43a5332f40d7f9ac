"""What a preflight says: what is missing, what that costs, and the lines that grant it."""

from __future__ import annotations

import json

import msgspec

from auditor.model.kubernetes import DEPLOYMENTS, PODS, SECRETS, VOLUMES, Access, Resource
from auditor.model.preflight import Missing, Need, Preflight
from auditor.report.preflight import grants, render, text

ACCOUNT = "system:serviceaccount:posit-audit:posit-audit-scan"


def missing(
    resource: Resource, verb: str, namespace: str = "", subresource: str = "", **who: tuple[str, ...]
) -> Missing:
    need = Need(access=Access(resource, (), subresource), verb=verb, **who)
    return Missing(need=need, namespace=namespace)


def result(*of: Missing, identity: str = ACCOUNT, namespaces: tuple[str, ...] = ()) -> Preflight:
    return Preflight(purpose="scan", identity=identity, namespaces=namespaces, asked=16, missing=of)


def test_where_nothing_is_missing_there_is_nothing_to_grant() -> None:
    said = text(result())
    assert said == f"As {ACCOUNT}, for a scan of all namespaces: 16 of 16 rights are there.\n"


def test_the_first_line_is_english() -> None:
    told = msgspec.structs.replace(result(), purpose="upgrade", namespaces=("x",))
    assert text(told) == f"As {ACCOUNT}, for an upgrade of namespace x: 16 of 16 rights are there.\n"


def test_each_missing_right_says_what_it_costs() -> None:
    lost = missing(
        SECRETS, "list", "x", blinds=("release-stuck", "value-removed"), sharpens=("other",), users=("the search",)
    )
    said = text(result(lost, namespaces=("x",)))
    assert "15 of 16 rights are there" in said
    assert "missing  list secrets in namespace x\n" in said
    assert "needed for: the search\n" in said
    assert "unknown without it: release-stuck, value-removed\n" in said
    assert "less exact without it: other\n" in said


def test_verbs_of_one_resource_are_granted_together_and_no_other_resource_gets_them() -> None:
    told = list(
        grants(
            result(
                missing(SECRETS, "list", "x"),
                missing(SECRETS, "get", "x"),
                missing(DEPLOYMENTS, "get", "x"),
                missing(PODS, "get", "x", "exec"),
            )
        )
    )
    roles = [line.partition("--namespace=x ")[2] for line in told if line.startswith("kubectl create role ")]
    assert roles == ["--verb=get --resource=deployments.apps,pods/exec", "--verb=get,list --resource=secrets"]
    bindings = [line for line in told if line.startswith("kubectl create rolebinding ")]
    assert len(bindings) == 2
    assert all(line.endswith("--serviceaccount=posit-audit:posit-audit-scan") for line in bindings)


def test_what_is_in_no_namespace_is_granted_in_the_cluster() -> None:
    role, binding = grants(result(missing(VOLUMES, "get"), identity="o'brien", namespaces=("x",)))
    assert role.startswith("kubectl create clusterrole posit-audit-get-")
    assert role.endswith("--verb=get --resource=persistentvolumes")
    assert binding.endswith("""--user='o'"'"'brien'""")


def test_two_roles_never_get_the_same_name() -> None:
    told = list(grants(result(missing(SECRETS, "get", "x"), missing(SECRETS, "get", "y"), missing(SECRETS, "get"))))
    names = [line.split()[3] for line in told if "binding" not in line]
    assert len(set(names)) == 3


def test_for_a_program_it_is_one_document() -> None:
    told = json.loads(render(result(missing(PODS, "get", "x", "exec", blinds=("a",)))))
    assert told["schema"] == "posit-audit.preflight/v1"
    (one,) = told["missing"]
    assert one == {
        "verb": "get",
        "group": "",
        "resource": "pods/exec",
        "namespace": "x",
        "unknown": ["a"],
        "less": [],
        "without": [],
    }
    assert len(told["grants"]) == 2
