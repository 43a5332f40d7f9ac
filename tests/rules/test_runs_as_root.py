from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import UNSEEN, package_manager, pod_spec, workload
from tests.rules.judging import fix_of, only
from tests.rules.upgrades import as_root

RULE = "runs-as-root"
NAMELESS = workload(spec=pod_spec(securityContext={}) | {"securityContext": {}})


def test_fails_when_the_container_is_told_to_run_as_root() -> None:
    finding = only(RULE, package_manager(workload=workload(spec=pod_spec(securityContext={"runAsUser": 0}))))
    assert finding.result is Result.FAILED
    assert finding.object.kind == "Deployment"


def test_fails_when_the_pod_is_told_to_run_as_root_and_the_container_is_not_told() -> None:
    spec = pod_spec(securityContext={}) | {"securityContext": {"runAsUser": 0}}
    assert only(RULE, package_manager(workload=workload(spec=spec))).result is Result.FAILED


@pytest.mark.parametrize("version", ["0.3.0", "0.3.15"])
def test_fails_when_an_old_chart_leaves_the_user_to_its_image(version: Any) -> None:
    assert only(RULE, package_manager(workload=NAMELESS, chart_version=version)).result is Result.FAILED


def test_passes_when_the_container_has_a_user_though_the_pod_says_root() -> None:
    spec = pod_spec() | {"securityContext": {"runAsUser": 0}}
    assert only(RULE, package_manager(workload=workload(spec=spec))).result is Result.PASSED


def test_passes_with_an_old_chart_whose_user_was_set() -> None:
    assert only(RULE, package_manager(chart_version="0.3.9")).result is Result.PASSED


def test_passes_when_kubernetes_would_refuse_root() -> None:
    spec = pod_spec(securityContext={"runAsNonRoot": True})
    assert only(RULE, package_manager(workload=workload(spec=spec))).result is Result.PASSED


@pytest.mark.parametrize("version", ["0.4.0", "0.20.4-acme.1", UNSEEN])
def test_cannot_tell_what_user_a_newer_or_unknown_image_has(version: Any) -> None:
    finding = only(RULE, package_manager(workload=NAMELESS, chart_version=version))
    assert finding.result is Result.UNKNOWN
    assert "exec" in finding.how


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, package_manager(workload=None)).result is Result.UNKNOWN


def test_the_upgrade_that_was_asked_for_settles_it() -> None:
    assert fix_of(only(RULE, as_root())).follows == "chart-not-at-target"
