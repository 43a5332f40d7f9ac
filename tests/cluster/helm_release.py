"""A release of Package Manager without a volume, made and changed by Helm 3 or 4."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from auditor.apply.actions import PERFORMERS
from auditor.apply.tools import open_tools
from auditor.cluster.connect import connect
from auditor.model.kubernetes import ObjectRef
from auditor.questions.stopping import MARK
from auditor.settings import ClusterSettings
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository
from tests.steps import scale

Run = Callable[..., str]
OLD, NEW = "0.5.29", "0.20.4"
DEPLOYMENT = "pm-rstudio-pm"
HELMS = {3: toolchain.HELM_3, 4: toolchain.HELM}
"""Helm 3 is compiled when a test asks for it."""


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

    def stop_and_start(self, kubeconfig: Path, folder: Path) -> None:
        """As an upgrade of ours does it, the upgrade left out."""
        with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=folder) as tools:
            workload = ObjectRef("Deployment", self.namespace, DEPLOYMENT)
            uid = self.kubectl("get", "deploy", DEPLOYMENT, "-n", self.namespace, "-o", "jsonpath={.metadata.uid}")
            for before, replicas in ((1, 0), (0, 1)):
                action = scale(before, replicas, workload=workload, uid=uid, marks={f"{MARK}replicas": "1"})
                PERFORMERS[type(action)].act(action, tools, lambda _: None)
