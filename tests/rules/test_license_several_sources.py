from typing import Any

from auditor.model.finding import Finding, Result
from tests.builders import UNSEEN, package_manager, pod_spec, workload
from tests.rules.judging import only

RULE = "license-several-sources"
FILE = {"name": "RSPM_LICENSE_FILE_PATH", "value": "/etc/license.lic"}
SERVER = {"name": "RSPM_LICENSE_SERVER", "value": "canary-host:8989"}
KEY = {"name": "RSPM_LICENSE", "valueFrom": {"secretKeyRef": {"name": "license", "key": "rstudio-pm"}}}


def finding(*env: Any) -> Finding:
    return only(RULE, package_manager(workload=workload(spec=pod_spec(env=list(env)))))


def test_fails_and_says_which_one_wins() -> None:
    found = finding(FILE, SERVER, KEY)
    assert found.result is Result.FAILED
    assert "only the key is used" in found.message


def test_fails_with_names_of_variables_and_without_their_values() -> None:
    found = finding(FILE, SERVER)
    assert found.evidence[0].observed == "RSPM_LICENSE_SERVER, RSPM_LICENSE_FILE_PATH"
    assert "canary" not in repr(found)


def test_passes_with_one() -> None:
    assert finding(FILE).result is Result.PASSED


def test_passes_with_one_under_both_of_its_names() -> None:
    assert finding(FILE, {"name": "PPM_LICENSE_FILE_PATH", "value": "/etc/license.lic"}).result is Result.PASSED


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, package_manager(workload=UNSEEN)).result is Result.UNKNOWN
