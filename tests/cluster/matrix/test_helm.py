"""Helm 3 and 4 on releases made by either, as they are installed, scaled by kubectl, and stopped and started by us."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository
from tests.cluster.helm_release import DEPLOYMENT, HELMS, NEW, OLD, Release, Run
from tests.cluster.program import PositAudit
from tests.matrix import Cell, Table

pytestmark = pytest.mark.cluster

INSTALLED, SCALED, STOPPED = "as installed", "scaled by kubectl", "stopped and started by posit-audit"
ROWS = {f"made by Helm {made}, {state}": (made, state) for made in HELMS for state in (INSTALLED, SCALED, STOPPED)}
COLUMNS = {f"Helm {ours}": ours for ours in HELMS}
TABLE = Table(
    name="helm",
    title="Upgrades and their undo, by which Helm made the release",
    corner="the release",
    rows=tuple(ROWS),
    columns=tuple(COLUMNS),
    sample=tuple((f"made by Helm 4, {state}", "Helm 4") for state in (SCALED, STOPPED)),
)


@pytest.mark.parametrize("cell", TABLE.wanted(), ids=str)
def test_no_release_ends_failed(
    cell: Cell,
    namespace: str,
    images: list[str],
    cluster_environment: dict[str, str],
    kubectl: Run,
    kubeconfig: Path,
    charts: ChartRepository,
    tmp_path: Path,
) -> None:
    with cell.kept():
        made, state = ROWS[cell.row]
        release = Release(namespace, cluster_environment, kubectl, charts)
        release.change(made, "install", "--wait", "--timeout", "120s")
        if state == SCALED:
            kubectl("scale", f"deploy/{DEPLOYMENT}", "--replicas=2", "-n", namespace)
            kubectl("rollout", "status", f"deploy/{DEPLOYMENT}", "-n", namespace, "--timeout=60s")
            assert "kubectl" in release.managers()
        elif state == STOPPED:
            release.stop_and_start(kubeconfig, tmp_path)
            assert "posit-audit" not in release.managers()
            release.change(made, "upgrade")
            release.helm(made, "rollback", "pm", "1")
            assert release.end() == f"deployed, {OLD}, replicas 1"
            release.stop_and_start(kubeconfig, tmp_path)
        posit_audit = PositAudit(cluster_environment, tmp_path)
        _upgrade_and_undo(cell, release, posit_audit, charts.flags)


def _upgrade_and_undo(cell: Cell, release: Release, posit_audit: PositAudit, charts: tuple[str, ...]) -> None:
    (made, state), ours = ROWS[cell.row], COLUMNS[cell.column]
    by = ("--helm", str(toolchain.helm(HELMS[ours])))
    asked = ("-n", release.namespace, "--to", f"rstudio-pm={NEW}", *by)
    blocked, conflicts = (ours, made) == (3, 4), (made, state) == (4, SCALED)
    before = release.end()
    plan = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    kinds = [step["action"]["kind"] for step in plan["steps"]]
    assert kinds == [*(["hand-back-fields"] if conflicts else []), *([] if blocked else ["upgrade-release"])]

    posit_audit("fix", *asked, "--apply", "--yes", *charts, expect=2 if blocked else 0)
    cell.saw(f"fix: {release.end()}")
    assert release.end() == (before if blocked else f"deployed, {NEW}, replicas 1")
    if kinds:
        posit_audit("undo", "--yes", *by, expect=0)
        cell.saw(f"undo: {release.end()}")
    # A rollback without server-side apply sets the replicas of the older manifest, as Helm 3 always did.
    assert release.end() == f"deployed, {OLD}, replicas {2 if conflicts else 1}"
    if blocked:
        (held,) = [one for one in plan["held"] if one["rule"] == "chart-not-at-target"]
        assert "made by Helm 4 with server-side apply" in held["reason"]
        cell.refused(held["reason"].replace(release.namespace, "NAMESPACE"))
