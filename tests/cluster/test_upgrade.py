"""Upgrades on a real cluster, on stand-in charts: from root's files and from the Launcher to what the newest charts
run, back again, and on after having been cut off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.progress import Silent
from auditor.model.outcome import Outcome
from auditor.model.plan import Step
from auditor.pipeline.fix import carry_out
from auditor.pipeline.prepare import prepare
from auditor.pipeline.scan import ScanRequest
from auditor.settings import ClusterSettings
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository, chart_repository
from tests.cluster.program import PositAudit

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
CANARY = "canary-5be01c77"
LABEL = "connect.posit.co/service-account"
SERVER = "deploy/pm-rstudio-pm"
PACKAGE_MANAGER = {
    "sharedStorage": {"mount": True, "name": "packages"},
    "config": {"Git": {"ClientSecret": CANARY}},
    "license": {"file": {"secret": "license", "secretKey": "pm.lic"}},
}
CONNECT = {
    "sharedStorage": {"mount": True, "name": "content"},
    "license": {"file": {"secret": "license", "secretKey": "pm.lic"}},
    "config": {"Server": {"Address": "http://connect.example"}, "Postgres": {"Password": CANARY}},
    "securityContext": None,
    "launcher": {
        "enabled": True,
        "templateValues": {
            "pod": {"serviceAccountName": "analyst", "nodeSelector": {"kubernetes.io/os": "linux"}},
            "job": {"labels": {"team": "data"}},
        },
    },
}


@pytest.fixture(scope="module")
def repository() -> Iterator[ChartRepository]:
    with chart_repository() as served:
        yield served


@pytest.fixture
def posit_audit(cluster_environment: dict[str, str], tmp_path: Path, images: list[str]) -> PositAudit:
    return PositAudit(cluster_environment, tmp_path)


@pytest.fixture
def install(kubectl: Run, helm: Run, namespace: str, repository: ChartRepository) -> Callable[..., str]:
    """`install("pm", "rstudio-pm", "0.3.9", values)` -> its namespace, once its server is ready."""

    def run(release: str, chart: str, version: str, values: dict[str, Any]) -> str:
        kubectl("create", "secret", "generic", "license", "--from-literal=pm.lic=x", "-n", namespace)
        helm(
            *("install", release, chart, "--repo", repository.url, "--version", version, "-n", namespace, "-f", "-"),
            input=json.dumps(values),
        )
        kubectl("rollout", "status", f"deploy/{release}-{chart}", "-n", namespace, "--timeout=180s")
        return namespace

    return run


@pytest.fixture
def package_manager(install: Callable[..., str], local_volume: Callable[..., Any], namespace: str) -> Any:
    """Chart 0.3.9, whose server runs as root, on root's files; its volume. The kubelet leaves a hostPath's files alone,
    as it does those on NFS, whatever fsGroup says."""
    volume = local_volume(namespace, "packages", files=1_000, kind="hostPath")
    install("pm", "rstudio-pm", "0.3.9", PACKAGE_MANAGER)
    return volume


def chart_of(helm: Run, release: str, namespace: str) -> str:
    return str(json.loads(helm("list", "-n", namespace, "--filter", f"^{release}$", "-o", "json"))[0]["chart"])


def of_root(volume: Any) -> int:
    """Entries of root; our own record of what was changed is root's and stays."""
    listed = volume.shell(f"find '{volume.path}' -user 0 ! -name '.posit-audit*' | wc -l")
    return int(listed)


def test_package_manager_leaves_root_and_comes_back(
    package_manager: Any,
    posit_audit: PositAudit,
    kubectl: Run,
    helm: Run,
    namespace: str,
    repository: ChartRepository,
    audit_events: Callable[[str], list[dict[str, Any]]],
) -> None:
    asked = ("-n", namespace, "--to", "rstudio-pm=0.20.4")
    findings = posit_audit.findings(*asked)
    told = {f["rule"] for f in findings if f["result"] == "failed"}
    assert {"chart-not-at-target", "upgrade-changes", "upgrade-files-wrong-owner", "runs-as-root"} <= told
    assert not {"volume-files-wrong-owner", "root-license-activations"} & told
    plan = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    kinds = [step["action"]["kind"] for step in plan["steps"]]
    assert kinds == ["scale-workload", "change-ownership", "upgrade-release", "scale-workload"]

    result = json.loads(posit_audit("fix", *asked, "--apply", "--yes", *repository.flags, "-o", "json", expect=0))
    assert {outcome["state"] for outcome in result["outcomes"]} == {"done"}
    assert all(verdict["mended"] for verdict in result["verdicts"])
    assert chart_of(helm, "pm", namespace) == "rstudio-pm-0.20.4"
    kubectl("rollout", "status", SERVER, "-n", namespace, "--timeout=60s")
    assert kubectl("exec", SERVER, "-n", namespace, "-c", "rspm", "--", "id", "-u").strip() == "999"
    assert of_root(package_manager) == 0
    assert package_manager.owners().get("999:999", 0) >= 1_000
    jobs = [
        e for e in audit_events("") if e["verb"] == "create" and (e.get("objectRef") or {}).get("resource") == "jobs"
    ]
    ours = [e["objectRef"].get("name", "") for e in jobs if e["objectRef"].get("namespace") == namespace]
    assert ours
    assert not [name for name in ours if "chown" in name]

    posit_audit("undo", "--yes", expect=0)
    assert chart_of(helm, "pm", namespace) == "rstudio-pm-0.3.9"
    kubectl("rollout", "status", SERVER, "-n", namespace, "--timeout=60s")
    assert kubectl("exec", SERVER, "-n", namespace, "-c", "rspm", "--", "id", "-u").strip() == "0"
    assert package_manager.owners().get("999:999", 0) == 0
    assert CANARY not in posit_audit.printed


class Killed(BaseException):
    """Nothing of the run goes on after it."""


class KilledAfter(Silent):
    def __init__(self, steps: int) -> None:
        self.left = steps

    def done(self, step: Step, outcome: Outcome) -> None:
        self.left -= 1
        if not self.left:
            raise Killed(step.id)


@pytest.mark.parametrize(
    "steps", [pytest.param(1, marks=pytest.mark.matrix), 2, pytest.param(3, marks=pytest.mark.matrix)]
)
def test_cut_off_between_two_steps_and_run_again_it_ends_in_the_same_state(
    steps: int,
    package_manager: Any,
    posit_audit: PositAudit,
    kubeconfig: Path,
    kubectl: Run,
    helm: Run,
    namespace: str,
    repository: ChartRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    catalogs = (repository.catalog,)
    request = ScanRequest(namespaces=(namespace,), to=("rstudio-pm=0.20.4",), catalogs=catalogs)
    prepared = prepare(ClusterSettings(kubeconfig=str(kubeconfig)), request)
    with pytest.raises(Killed):
        carry_out(
            prepared, charts=(repository.url,), helm=str(toolchain.folder() / "helm"), progress=KilledAfter(steps)
        )
    if steps < 3:
        replicas = kubectl("get", SERVER, "-n", namespace, "-o", "jsonpath={.spec.replicas}")
        assert replicas == "0"
        assert "workload-left-stopped" in posit_audit("scan", "-n", namespace, expect=2)
    asked = ("-n", namespace, "--to", "rstudio-pm=newest", "--apply", "--yes", *repository.flags)
    posit_audit("fix", *asked, expect=0)
    assert chart_of(helm, "pm", namespace) == "rstudio-pm-0.20.4"
    kubectl("rollout", "status", SERVER, "-n", namespace, "--timeout=60s")
    assert kubectl("get", SERVER, "-n", namespace, "-o", "jsonpath={.spec.replicas}") == "1"
    assert "posit-audit/" not in kubectl("get", SERVER, "-n", namespace, "-o", "jsonpath={.metadata.annotations}")
    assert of_root(package_manager) == 0

    # Two journals, one change: half of it would leave the server stopped, or as root on files of another.
    assert "which went on from" in posit_audit("undo", "--yes", expect=0)
    assert chart_of(helm, "pm", namespace) == "rstudio-pm-0.3.9"
    kubectl("rollout", "status", SERVER, "-n", namespace, "--timeout=60s")
    assert kubectl("get", SERVER, "-n", namespace, "-o", "jsonpath={.spec.replicas}") == "1"
    assert package_manager.owners().get("999:999", 0) == 0


def test_a_missing_chart_is_told_before_anything_is_stopped(
    package_manager: Any, posit_audit: PositAudit, kubectl: Run, namespace: str
) -> None:
    posit_audit("fix", "-n", namespace, "--to", "rstudio-pm=0.20.4", "--apply", "--yes", expect=1)
    assert "The chart rstudio-pm 0.20.4 is needed and was not found" in posit_audit.printed
    assert kubectl("get", SERVER, "-n", namespace, "-o", "jsonpath={.spec.replicas}") == "1"


def test_connect_leaves_the_launcher(
    install: Callable[..., str],
    local_volume: Callable[..., Any],
    posit_audit: PositAudit,
    kubectl: Run,
    helm: Run,
    namespace: str,
    repository: ChartRepository,
) -> None:
    local_volume(namespace, "content", access_modes=("ReadWriteMany",))
    kubectl("create", "serviceaccount", "analyst", "-n", namespace)
    install("connect", "rstudio-connect", "0.7.4", CONNECT)
    asked = ("-n", namespace, "--to", "rstudio-connect=0.21.0")
    assert "upgrade-fails" in posit_audit("scan", *asked, expect=2)
    shown = posit_audit("fix", *asked, expect=2)
    moved = "backends.kubernetes.defaultResourceJobBase.spec.template.spec.serviceAccountName (moved)"
    assert moved in shown

    posit_audit("fix", *asked, "--apply", "--yes", *repository.flags, expect=0)
    assert chart_of(helm, "connect", namespace) == "rstudio-connect-0.21.0"
    values = json.loads(helm("get", "values", "connect", "-n", namespace, "-o", "json"))
    base = values["backends"]["kubernetes"]["defaultResourceJobBase"]
    assert base["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert base["metadata"]["labels"] == {"team": "data"}
    assert values["launcher"] == {"enabled": False}
    assert values["config"]["Postgres"]["Password"] == CANARY
    labels = json.loads(kubectl("get", "serviceaccount", "analyst", "-n", namespace, "-o", "json"))["metadata"][
        "labels"
    ]
    assert labels[LABEL] == "true"
    kubectl("rollout", "status", "deploy/connect-rstudio-connect", "-n", namespace, "--timeout=60s")

    posit_audit("undo", "--yes", expect=0)
    assert chart_of(helm, "connect", namespace) == "rstudio-connect-0.7.4"
    assert CANARY not in posit_audit.printed


def test_what_a_person_must_decide_holds_that_release_and_no_other(
    package_manager: Any,
    posit_audit: PositAudit,
    helm: Run,
    kubectl: Run,
    make_namespace: Callable[..., str],
    namespace: str,
    repository: ChartRepository,
) -> None:
    other = make_namespace("undecided")
    kubectl("create", "secret", "generic", "license", "--from-literal=pm.lic=x", "-n", other)
    undecided = {"license": CONNECT["license"], "launcher": {"enabled": False}, "securityContext": None}
    helm(
        *(
            "install",
            "connect",
            "rstudio-connect",
            "--repo",
            repository.url,
            "--version",
            "0.7.4",
            "-n",
            other,
            "-f",
            "-",
        ),
        input=json.dumps(undecided),
    )
    asked = ("-n", namespace, "-n", other, "--to", "rstudio-pm=0.20.4", "--to", "rstudio-connect=0.21.0")
    plan = json.loads(posit_audit("fix", *asked, "-o", "json", expect=2))
    assert {step["release"]["name"] for step in plan["steps"]} == {"pm"}
    (held,) = [held for held in plan["held"] if held["rule"] == "chart-not-at-target"]
    assert "A person must decide" in held["reason"]
    assert "backends.kubernetes.enabled" in held["reason"]
    assert "0 steps planned" in posit_audit("fix", "-n", other, "--to", "rstudio-connect=0.21.0", expect=2)
