from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from tests.builders import CONNECT, UNSEEN, connect, pod_spec, workload
from tests.rules.judging import only

RULE = "license-key-not-given-back"
KEY = {"name": "RSC_LICENSE", "valueFrom": {"secretKeyRef": {"name": "license", "key": "rstudio-connect"}}}
FILE = {"name": "RSC_LICENSE_FILE_PATH", "value": "/etc/rstudio-licensing/license.lic"}


def found(*env: dict[str, Any], **spec: Any) -> Finding:
    return only(RULE, connect(workload=workload(CONNECT, spec=pod_spec(CONNECT, env=list(env)) | spec)))


@pytest.mark.parametrize(("spec", "seconds"), [({}, "30"), ({"terminationGracePeriodSeconds": 119}, "119")])
def test_fails_with_a_key_and_too_little_time(spec: dict[str, Any], seconds: str) -> None:
    finding = found(KEY, FILE, **spec)
    assert finding.result is Result.FAILED
    assert finding.evidence[0].observed == seconds


def test_passes_with_time_enough_and_with_a_file() -> None:
    assert found(KEY, terminationGracePeriodSeconds=120).result is Result.PASSED
    assert found(FILE).result is Result.PASSED


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, connect(workload=UNSEEN)).result is Result.UNKNOWN
