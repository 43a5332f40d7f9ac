from typing import Any

import pytest

from auditor.model.finding import Result
from auditor.model.snapshot import ReleaseState
from tests.builders import CONNECT, PACKAGE_MANAGER, connect, package_manager, pod_spec, workload
from tests.rules.judging import only

RULE = "license-missing"


def with_env(product: Any, *env: Any, **container: Any) -> ReleaseState:
    release = connect if product is CONNECT else package_manager
    return release(workload=workload(product, spec=pod_spec(product, env=list(env), **container)))


@pytest.mark.parametrize("product", [CONNECT, PACKAGE_MANAGER])
def test_fails_when_the_container_gets_no_license(product: Any) -> None:
    assert only(RULE, with_env(product, {"name": "OTHER", "value": "x"})).result is Result.FAILED


def test_fails_when_the_variable_is_empty() -> None:
    assert only(RULE, with_env(CONNECT, {"name": "RSC_LICENSE_SERVER", "value": ""})).result is Result.FAILED


def test_fails_when_the_license_is_the_other_products() -> None:
    assert only(RULE, with_env(CONNECT, {"name": "RSPM_LICENSE_SERVER", "value": "x"})).result is Result.FAILED


@pytest.mark.parametrize(
    ("product", "variable"),
    [
        (
            CONNECT,
            {"name": "RSC_LICENSE", "valueFrom": {"secretKeyRef": {"name": "license", "key": "rstudio-connect"}}},
        ),
        (CONNECT, {"name": "PCT_LICENSE_SERVER", "value": "licenses:8989"}),
        (PACKAGE_MANAGER, {"name": "RSPM_LICENSE_FILE_PATH", "value": "/etc/license.lic"}),
        (PACKAGE_MANAGER, {"name": "PPM_LICENSE_FILE_PATH", "value": "/etc/license.lic"}),
    ],
)
def test_passes_with_any_kind_of_license_under_the_old_and_the_new_name(product: Any, variable: Any) -> None:
    assert only(RULE, with_env(product, variable)).result is Result.PASSED


def test_cannot_tell_what_whole_config_maps_bring() -> None:
    finding = only(RULE, with_env(CONNECT, envFrom=[{"secretRef": {"name": "extra"}}]))
    assert finding.result is Result.UNKNOWN
    assert finding.how


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, connect(workload=None)).result is Result.UNKNOWN
