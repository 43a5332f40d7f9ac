from __future__ import annotations

from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from auditor.model.snapshot import ReleaseState
from tests.builders import CONNECT, PACKAGE_MANAGER, UNSEEN, connect, package_manager, pod_spec, workload
from tests.rules.judging import fix_of, only

RULE = "server-pods-refused"
UNCONFINED = {"seccompProfile": {"type": "Unconfined"}}


def privileged(**facets: Any) -> ReleaseState:
    spec = pod_spec(CONNECT, securityContext={"privileged": True})
    return connect(workload=workload(CONNECT, spec=spec), **facets)


def unconfined(level: str) -> Finding:
    spec = pod_spec(PACKAGE_MANAGER, securityContext=UNCONFINED)
    return only(RULE, package_manager(workload=workload(spec=spec), pod_security=level))


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_fails_with_each_field_that_the_level_refuses_and_with_the_level(level: str) -> None:
    for finding, field, value in (
        (only(RULE, privileged(pod_security=level)), "containers[connect].securityContext.privileged", "true"),
        (unconfined(level), "containers[rspm].securityContext.seccompProfile.type", "Unconfined"),
    ):
        assert finding.result is Result.FAILED
        fields = [(evidence.field, evidence.observed) for evidence in finding.evidence]
        assert fields == [
            (f"spec.template.spec.{field}", value),
            ("label pod-security.kubernetes.io/enforce of namespace posit", level),
        ]
        assert not fix_of(finding).actions


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
