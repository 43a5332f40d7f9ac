from __future__ import annotations

from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from tests.builders import UNSEEN, config, connect
from tests.rules.judging import fix_of, only

RULE = "job-base-user-ignored"


def found(**spec: Any) -> Finding:
    return only(RULE, connect(config=config(job_base={"spec": {"template": {"spec": spec}}})))


def test_fails_with_each_place_that_names_a_user() -> None:
    runner = {"name": "connect-content", "securityContext": {"runAsGroup": 1000, "readOnlyRootFilesystem": True}}
    finding = found(securityContext={"runAsUser": 0, "fsGroup": 1000}, containers=[runner])
    assert finding.result is Result.FAILED
    assert [evidence.field for evidence in finding.evidence] == [
        "job.yaml spec.template.spec.securityContext.runAsUser",
        "job.yaml spec.template.spec.containers[connect-content].securityContext.runAsGroup",
    ]
    assert not fix_of(finding).actions


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"securityContext": {"fsGroup": 1000}},
        {"securityContext": None, "containers": None},
        {"securityContext": {"runAsUser": None}, "containers": ["odd", {}]},
    ],
)
def test_passes_where_nobody_is_named(spec: dict[str, Any]) -> None:
    assert found(**spec).result is Result.PASSED
    assert only(RULE, connect()).result is Result.PASSED


def test_cannot_tell_without_the_configuration() -> None:
    assert only(RULE, connect(config=UNSEEN)).result is Result.UNKNOWN
    assert only(RULE, connect(config=None)).result is Result.UNKNOWN
