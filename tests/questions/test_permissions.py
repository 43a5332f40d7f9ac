"""Whether one RBAC object grants more than another."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.questions.permissions import in_words, wider


def role(*rules: dict[str, Any], kind: str = "Role") -> dict[str, Any]:
    return {"kind": kind, "rules": list(rules)}


def rule(verbs: str, resources: str, groups: str = "", **more: Any) -> dict[str, Any]:
    return {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": groups.split() or [""], **more}


@pytest.mark.parametrize(
    ("wanted", "live", "more"),
    [
        (rule("get", "pods"), rule("get list", "pods secrets"), False),
        (rule("get", "pods"), rule("*", "*", "*"), False),
        (rule("*", "pods"), rule("get list", "pods"), True),
        (rule("get", "pods secrets"), rule("get", "pods"), True),
        (rule("get", "pods", "apps"), rule("get", "pods"), True),
        (rule("get", "secrets"), rule("get", "secrets", resourceNames=["a"]), True),
        (rule("get", "secrets", resourceNames=["a"]), rule("get", "secrets", resourceNames=["a", "b"]), False),
        (rule("get", "secrets", resourceNames=["a", "c"]), rule("get", "secrets", resourceNames=["a", "b"]), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/x"]}, rule("*", "*", "*"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/x"]}, {"verbs": ["get"], "nonResourceURLs": ["*"]}, False),
        ("nonsense", rule("*", "*", "*"), True),
    ],
)
def test_rules(wanted: Any, live: Any, more: bool) -> None:
    assert wider(role(wanted), role(live)) is more


def test_what_is_not_there_and_what_is_aggregated() -> None:
    assert wider(role(), None)
    assert not wider(role(), role())
    assert wider({**role(kind="ClusterRole"), "aggregationRule": {"a": 1}}, role(kind="ClusterRole"))


def binding(*subjects: str, name: str = "view") -> dict[str, Any]:
    found = [{"kind": "ServiceAccount", "name": one, "namespace": "a"} for one in subjects]
    return {"kind": "RoleBinding", "roleRef": {"kind": "Role", "name": name}, "subjects": found}


def test_bindings() -> None:
    assert not wider(binding("x"), binding("x", "y"))
    assert wider(binding("x", "y"), binding("x"))
    assert wider(binding("x", name="admin"), binding("x"))
    assert wider({"kind": "RoleBinding", "subjects": 3}, binding("x"))


def test_in_words() -> None:
    assert list(in_words(role(rule("get list", "secrets", resourceNames=["a"])))) == ["get, list on secrets (only a)"]
    assert list(in_words(binding("x"))) == ["binds Role view", "to ServiceAccount a/x"]


def test_names_are_printed_as_names_are() -> None:
    said = list(in_words(role(rule("get", "secrets", resourceNames=["KQ7M-Z2XA-9PLT-04VB"]))))
    assert said == ["get on secrets (only ****)"]
