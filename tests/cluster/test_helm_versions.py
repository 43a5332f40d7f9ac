"""Helm 3 and 4 on releases made by either, as they are installed, scaled by kubectl, and stopped and started by us.

A sample runs always. With POSIT_AUDIT_MATRIX=FOLDER all cells run, and each writes what it ended with into that folder.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.actions import PERFORMERS
from auditor.apply.tools import open_tools
from auditor.cluster.connect import connect
from auditor.model.kubernetes import ObjectRef
from auditor.questions.stopping import MARK
from auditor.settings import ClusterSettings
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository
from tests.cluster.program import PositAudit
from tests.steps import scale

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
OLD, NEW = "0.5.29", "0.20.4"
DEPLOYMENT = "pm-rstudio-pm"
HELMS = {3: toolchain.HELM_3, 4: toolchain.HELM}
STATES = ("installed", "scaled by kubectl", "stopped and started by us")
MATRIX = os.environ.get("POSIT_AUDIT_MATRIX", "")
SAMPLE = [(4, 4, state) for state in STATES[1:]]
CELLS = [(ours, made, state) for ours in HELMS for made in HELMS for state in STATES] if MATRIX else SAMPLE


@dataclass
class Cell:
    """`upgraded` and `undone`: status and chart version of the newest revision, and the replicas."""

    helm: int
    made_by: int
    state: str
    planned: str = ""
    upgraded: str = ""
    undone: str = ""
    by_hand: str = ""
    """Of `helm upgrade` and `helm rollback` by the Helm that made the release."""


class Release:
    """Package Manager without a volume."""

    def __init__(self, namespace: str, environment: dict[str, str], kubectl: Run, charts: ChartRepository) -> None:
        self.namespace, self.environment, self.kubectl, self.charts = namespace, environment, kubectl, charts

    def helm(self, major: int, *arguments: str) -> str:
        program = str(toolchain.helm(HELMS[major]))
        done = subprocess.run(
            [program, *arguments, "-n", self.namespace],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def change(self, major: int, verb: str, *flags: str) -> None:
        chart = str(self.charts.archive("rstudio-pm", OLD))
        self.helm(major, verb, "pm", chart, "--set", "license.key=KEY", *flags)

    def replicas(self) -> int:
        return int(self.kubectl("get", "deploy", DEPLOYMENT, "-n", self.namespace, "-o", "jsonpath={.spec.replicas}"))

    def end(self) -> str:
        newest = json.loads(self.helm(4, "history", "pm", "-o", "json"))[-1]
        version = newest["chart"].removeprefix("rstudio-pm-")
        return f"{newest['status']}, {version}, replicas {self.replicas()}"

    def managers(self) -> set[str]:
        """Who holds the replicas."""
        told = self.kubectl(
            "get", "deploy", DEPLOYMENT, "-n", self.namespace, "-o", "json", "--show-managed-fields=true"
        )
        entries = json.loads(told)["metadata"]["managedFields"]
        return {one["manager"] for one in entries if "f:replicas" in one["fieldsV1"].get("f:spec", {})}


@pytest.fixture
def release(namespace: str, cluster_environment: dict[str, str], kubectl: Run, charts: ChartRepository) -> Release:
    return Release(namespace, cluster_environment, kubectl, charts)


@pytest.fixture
def posit_audit(cluster_environment: dict[str, str], tmp_path: Path, images: list[str]) -> PositAudit:
    return PositAudit(cluster_environment, tmp_path)


@pytest.fixture
def stop_and_start(kubeconfig: Path, release: Release, tmp_path: Path) -> Callable[[], None]:
    def run() -> None:
        with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as tools:
            workload = ObjectRef("Deployment", release.namespace, DEPLOYMENT)
            where = ("-n", release.namespace, "-o", "jsonpath={.metadata.uid}")
            uid = release.kubectl("get", "deploy", DEPLOYMENT, *where)
            marks = {f"{MARK}replicas": "1"}
            for step in (scale(1, 0), scale(0, 1)):
                action = type(step)(workload=workload, uid=uid, before=step.before, replicas=step.replicas, marks=marks)
                PERFORMERS[type(action)].act(action, tools, lambda _: None)

    return run


def write(cell: Cell) -> None:
    if MATRIX:
        Path(MATRIX).mkdir(parents=True, exist_ok=True)
        name = f"helm-{cell.helm}-{cell.made_by}-{cell.state.replace(' ', '-')}.json"
        (Path(MATRIX) / name).write_text(json.dumps(asdict(cell), indent=1))


@pytest.mark.parametrize(("ours", "made", "state"), CELLS)
def test_no_release_ends_failed(
    ours: int,
    made: int,
    state: str,
    release: Release,
    posit_audit: PositAudit,
    stop_and_start: Callable[[], None],
    charts: ChartRepository,
) -> None:
    cell = Cell(helm=ours, made_by=made, state=state)
    release.change(made, "install", "--wait", "--timeout", "120s")
    if state == "scaled by kubectl":
        release.kubectl("scale", f"deploy/{DEPLOYMENT}", "--replicas=2", "-n", release.namespace)
        release.kubectl("rollout", "status", f"deploy/{DEPLOYMENT}", "-n", release.namespace, "--timeout=60s")
        assert "kubectl" in release.managers()
    elif state == "stopped and started by us":
        stop_and_start()
        assert "posit-audit" not in release.managers()
        release.change(made, "upgrade")
        release.helm(made, "rollback", "pm", "1")
        cell.by_hand = release.end()
        assert cell.by_hand == f"deployed, {OLD}, replicas 1"
        stop_and_start()

    before = release.end()
    asked = ("-n", release.namespace, "--to", f"rstudio-pm={NEW}", "--helm", str(toolchain.helm(HELMS[ours])))
    plan = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    kinds = [step["action"]["kind"] for step in plan["steps"]]
    conflicts = made == 4 and state == "scaled by kubectl"
    blocked = (ours, made) == (3, 4)
    cell.planned = ", ".join(kinds) or "held"
    assert kinds == [*(["hand-back-fields"] if conflicts else []), *([] if blocked else ["upgrade-release"])]
    if blocked:
        (held,) = [one for one in plan["held"] if one["rule"] == "chart-not-at-target"]
        assert "made by Helm 4 with server-side apply" in held["reason"]
    posit_audit(*("fix", *asked, "--apply", "--yes", "--chart", str(charts.folder)), expect=2 if blocked else 0)
    cell.upgraded = release.end()
    assert cell.upgraded == (before if blocked else f"deployed, {NEW}, replicas 1")
    if kinds:
        posit_audit("undo", "--yes", "--helm", str(toolchain.helm(HELMS[ours])), expect=0)
    cell.undone = release.end()
    write(cell)
    # A rollback without server-side apply sets what the older manifest says, as Helm 3 always did.
    scaled = conflicts or (state == "scaled by kubectl" and blocked)
    assert cell.undone == f"deployed, {OLD}, replicas {2 if scaled else 1}"


def test_what_a_person_takes_after_the_upgrade_stops_its_undo(
    release: Release, posit_audit: PositAudit, charts: ChartRepository
) -> None:
    """Helm's rollback would fail by a conflict, and leave the release failed."""
    release.change(4, "install", "--wait", "--timeout", "120s")
    asked = ("-n", release.namespace, "--to", f"rstudio-pm={NEW}", "--apply", "--yes", "--chart", str(charts.folder))
    posit_audit("fix", *asked, expect=0)
    release.kubectl("scale", f"deploy/{DEPLOYMENT}", "--replicas=2", "-n", release.namespace)
    posit_audit("undo", "--yes", expect=1)
    assert "would conflict with other field managers" in posit_audit.printed
    assert release.end() == f"deployed, {NEW}, replicas 2"
    posit_audit(
        "fix", "-n", release.namespace, "--rule", "fields-held-by-another-manager", "--apply", "--yes", expect=0
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
    asked += ["--apply", "--yes", "--chart", str(charts.folder)]
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


def test_an_autoscaler_is_never_overruled(release: Release, posit_audit: PositAudit, charts: ChartRepository) -> None:
    release.change(4, "install", "--wait", "--timeout", "120s")
    # As a HorizontalPodAutoscaler writes it; no metrics are measured here.
    body = json.dumps({"spec": {"replicas": 2}})
    release.kubectl(
        *("patch", "deploy", DEPLOYMENT, "-n", release.namespace, "--subresource", "scale", "--type", "merge"),
        *("-p", body, "--field-manager", "kube-controller-manager"),
    )
    asked: list[str] = ["-n", release.namespace, "--to", f"rstudio-pm={NEW}", "--unsafe"]
    plan: Any = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    assert plan["steps"] == []
    reasons = {one["rule"]: one["reason"] for one in plan["held"]}
    assert "replicas" in reasons["chart-not-at-target"]
    assert "HorizontalPodAutoscaler" in reasons["fields-held-by-another-manager"]
