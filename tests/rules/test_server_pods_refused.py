from __future__ import annotations

from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from auditor.model.snapshot import ReleaseState
from tests.builders import CONNECT, PACKAGE_MANAGER, UNSEEN, connect, package_manager, pod_spec, workload
from tests.rules.judging import fix_of, only

RULE = "server-pods-refused"
SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}
UNCONFINED = {"seccompProfile": {"type": "Unconfined"}}


def privileged(**facets: Any) -> ReleaseState:
    spec = pod_spec(CONNECT, securityContext={"privileged": True})
    return connect(workload=workload(CONNECT, spec=spec), **facets)


def unconfined(level: str) -> Finding:
    spec = pod_spec(PACKAGE_MANAGER, securityContext=UNCONFINED)
    return only(RULE, package_manager(workload=workload(spec=spec), pod_security=level))


RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 999,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""As Package Manager's chart sets it."""


def fields(finding: Finding) -> dict[str, str]:
    *refused, level = finding.evidence
    assert level.field == "label pod-security.kubernetes.io/enforce of namespace posit"
    return {evidence.field.removeprefix("spec.template.spec."): evidence.observed for evidence in refused}


def refused(spec: dict[str, Any], level: str) -> Finding:
    return only(RULE, package_manager(workload=workload(spec=spec), pod_security=level))


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_fails_with_each_field_that_the_level_refuses_and_with_the_level(level: str) -> None:
    for finding, field, value in (
        (only(RULE, privileged(pod_security=level)), "containers[connect].securityContext.privileged", "true"),
        (unconfined(level), "containers[rspm].securityContext.seccompProfile.type", "Unconfined"),
    ):
        assert finding.result is Result.FAILED
        assert fields(finding)[field] == value
        assert finding.evidence[-1].observed == level
        assert finding.evidence[-1].expected == "privileged, or none"
        assert not fix_of(finding).actions


def test_fails_for_connect_as_its_chart_installs_it_where_nobody_may_be_root() -> None:
    finding = only(RULE, connect(pod_security="restricted"))
    assert fields(finding) == {
        "containers[connect].securityContext.allowPrivilegeEscalation": "not set",
        "containers[connect].securityContext.capabilities.drop": "not ALL",
        "containers[connect].securityContext.runAsNonRoot": "not set",
        "containers[connect].securityContext.seccompProfile.type": "not set",
    }
    assert finding.evidence[-1].expected == "baseline, privileged, or none"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "host", "hostPath": {"path": "/srv"}}]}, "volumes"),
        ({"initContainers": [{"name": "first", "ports": [{"hostPort": 80}]}]}, "initContainers[first].ports"),
        (
            {"containers": [{"name": "rspm", "securityContext": {"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}}}]},
            "containers[rspm].securityContext.capabilities.add",
        ),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "securityContext.sysctls"),
    ],
)
def test_fails_for_whatever_baseline_refuses(wrong: dict[str, Any], field: str) -> None:
    assert list(fields(refused(pod_spec() | wrong, "baseline"))) == [field]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"volumes": [{"name": "data", "nfs": {"server": "nas"}}]}, "volumes"),
        ({"securityContext": {"runAsUser": 0}}, "securityContext.runAsUser"),
        ({"initContainers": [{"name": "first", "securityContext": RESTRICTED | {"runAsNonRoot": None}}]}, None),
    ],
)
def test_fails_for_what_restricted_refuses_besides(wrong: dict[str, Any], field: str | None) -> None:
    spec = pod_spec(securityContext=RESTRICTED) | wrong
    assert only(RULE, package_manager(workload=workload(spec=spec), pod_security="baseline")).result is Result.PASSED
    assert list(fields(refused(spec, "restricted"))) == [
        field or "initContainers[first].securityContext.runAsNonRoot",
    ]


def test_passes_where_the_pod_sets_for_its_containers_what_restricted_demands() -> None:
    own = {key: RESTRICTED[key] for key in ("allowPrivilegeEscalation", "capabilities")}
    spec = pod_spec(securityContext=own) | {"securityContext": {"runAsNonRoot": True, **SECCOMP}}
    assert only(RULE, package_manager(workload=workload(spec=spec), pod_security="restricted")).result is Result.PASSED


def test_fails_for_what_the_whole_pod_is_given() -> None:
    spec = pod_spec(CONNECT) | {"securityContext": UNCONFINED}
    finding = only(RULE, connect(workload=workload(CONNECT, spec=spec), pod_security="baseline"))
    assert finding.evidence[0].field == "spec.template.spec.securityContext.seccompProfile.type"


def test_passes_where_the_namespace_admits_it_or_nothing_special_is_asked_for() -> None:
    assert only(RULE, privileged(pod_security="")).result is Result.PASSED
    assert only(RULE, privileged(pod_security="privileged")).result is Result.PASSED
    assert only(RULE, connect(pod_security="baseline")).result is Result.PASSED


def test_cannot_tell_without_the_namespace_or_the_deployment() -> None:
    assert only(RULE, privileged(pod_security=UNSEEN)).result is Result.UNKNOWN
    assert only(RULE, connect(workload=UNSEEN)).result is Result.UNKNOWN
