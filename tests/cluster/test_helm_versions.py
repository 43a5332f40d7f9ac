"""Fields that another client holds in a release of Helm 4, with real managers on a real API server.

What Helm 3 and 4 do with each other's releases is in tests/cluster/matrix/test_helm.py."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chart_repository import ChartRepository
from tests.cluster.helm_release import DEPLOYMENT, NEW, OLD, Release, Run
from tests.cluster.program import PositAudit

pytestmark = pytest.mark.cluster


@pytest.fixture
def release(namespace: str, cluster_environment: dict[str, str], kubectl: Run, charts: ChartRepository) -> Release:
    return Release(namespace, cluster_environment, kubectl, charts)


@pytest.fixture
def posit_audit(cluster_environment: dict[str, str], tmp_path: Path, images: list[str]) -> PositAudit:
    return PositAudit(cluster_environment, tmp_path)


def test_what_a_person_takes_after_the_upgrade_stops_its_undo(
    release: Release, posit_audit: PositAudit, charts: ChartRepository
) -> None:
    """Helm's rollback would fail by a conflict, and leave the release failed."""
    release.change(4, "install", "--wait", "--timeout", "120s")
    asked = ("-n", release.namespace, "--to", f"rstudio-pm={NEW}", "--apply", "--yes", *charts.flags)
    posit_audit("fix", *asked, expect=0)
    release.kubectl("scale", f"deploy/{DEPLOYMENT}", "--replicas=2", "-n", release.namespace)
    posit_audit("undo", "--yes", expect=1)
    assert "would conflict with other field managers" in posit_audit.printed
    assert release.end() == f"deployed, {NEW}, replicas 2"
    posit_audit(
        "fix", "-n", release.namespace, "--only", "fields-held-by-another-manager", "--apply", "--yes", expect=0
    )
    release.helm(4, "rollback", "pm", "1")
    assert release.end() == f"deployed, {OLD}, replicas 1"


@pytest.mark.parametrize("unsafe", [False, True])
def test_an_unknown_manager_is_overruled_only_if_that_was_asked_for(
    unsafe: bool, release: Release, posit_audit: PositAudit, charts: ChartRepository
) -> None:
    release.change(4, "install", "--wait", "--timeout", "120s")
    body = json.dumps({"spec": {"replicas": 2}})
    release.kubectl(
        *("patch", "deploy", DEPLOYMENT, "-n", release.namespace, "-p", body, "--field-manager", "our-operator")
    )
    asked = ["-n", release.namespace, "--to", f"rstudio-pm={NEW}", *(["--unsafe"] if unsafe else [])]
    plan = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    asked += ["--apply", "--yes", *charts.flags]
    if not unsafe:
        assert plan["steps"] == []
        (held,) = [one for one in plan["held"] if one["rule"] == "chart-not-at-target"]
        assert ".spec.replicas of Deployment" in held["reason"]
        posit_audit("fix", *asked, expect=2)
        assert release.end() == f"deployed, {OLD}, replicas 2"
        return
    (step,) = plan["steps"]
    assert [one["manager"] for one in step["action"]["overruled"]] == ["our-operator"]
    posit_audit("fix", *asked, expect=0)
    assert release.end() == f"deployed, {NEW}, replicas 1"


def test_an_autoscaler_is_never_overruled(
    release: Release, posit_audit: PositAudit, charts: ChartRepository, kubectl: Run
) -> None:
    """It scales up to its minimum without any metrics."""
    release.change(4, "install", "--wait", "--timeout", "120s")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "pm", "namespace": release.namespace},
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": 2,
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }
    kubectl("create", "-f", "-", input=json.dumps(autoscaler))
    deadline = time.monotonic() + 90
    while release.replicas() == 1 and time.monotonic() < deadline:
        time.sleep(1)
    asked: list[str] = ["-n", release.namespace, "--to", f"rstudio-pm={NEW}", "--unsafe"]
    plan: Any = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    assert plan["steps"] == []
    reasons = {one["rule"]: one["reason"] for one in plan["held"]}
    assert "Set the values key replicas to that value" in reasons["chart-not-at-target"]
    assert "HorizontalPodAutoscaler" in reasons["fields-held-by-another-manager"]
    # What it says does help.
    release.change(4, "upgrade", "--set", "replicas=2")
    posit_audit("fix", *asked, "--apply", "--yes", *charts.flags, expect=0)
    assert release.end() == f"deployed, {NEW}, replicas 2"
