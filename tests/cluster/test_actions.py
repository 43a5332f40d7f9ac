"""The three kinds of change, made and taken back on a real cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.journal import Journal
from auditor.apply.progress import Silent
from auditor.apply.run import apply, dry_run
from auditor.apply.tools import Tools, open_tools
from auditor.apply.undo import undo
from auditor.catalog import load
from auditor.cluster.connect import connect
from auditor.errors import Interrupted, PlanRefused
from auditor.helm.decode import decode_release
from auditor.model.action import Action, ChangeOwnership, LabelServiceAccount, PatchValues, Placement, ValueEdit
from auditor.model.kubernetes import SECRETS
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Plan, Step
from auditor.model.product import CONTENT_ACCOUNT_LABEL as LABEL
from auditor.model.snapshot import ReleaseRef
from auditor.settings import ClusterSettings
from scripts.toolchain import build as toolchain
from tests.chart_repository import CATALOG, package_charts
from tests.steps import edit, label, ownership, patch, planned, wanting

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
CANARY = "canary-9f3c1d"


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package_charts(tmp_path_factory.mktemp("charts"))


@pytest.fixture
def tools(kubeconfig: Path, archives: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    connection = connect(ClusterSettings(kubeconfig=str(kubeconfig)))
    program = str(toolchain.folder() / "helm")
    catalog = load([archives / CATALOG])
    with open_tools(
        connection, charts=[str(archives)], helm=program, values_folder=tmp_path, catalog=catalog
    ) as opened:
        yield opened


@dataclass
class Ticks(Silent):
    """Keeps what it is told; may stop the run when it sees something."""

    stop_at: Callable[[Mapping[str, Any]], bool] = lambda _: False
    told: list[Mapping[str, Any]] = field(default_factory=list)

    def tick(self, step: Step, counts: Mapping[str, Any]) -> None:
        self.told.append(counts)
        if self.stop_at(counts):
            raise KeyboardInterrupt


def plan_of(tools: Tools, *actions: Action) -> Plan:
    plan = planned(*(wanting(action, rule=f"rule-{number}") for number, action in enumerate(actions)))
    return Plan(server=tools.server, context=plan.context, steps=plan.steps, held=plan.held)


def made(tools: Tools, tmp_path: Path, *actions: Action) -> tuple[Journal, tuple[Outcome, ...]]:
    plan = plan_of(tools, *actions)
    dry_run(plan, tools)
    journal = Journal.create(plan, tmp_path)
    return journal, apply(plan, tools, journal, Silent())


# --- labels ------------------------------------------------------------------------------------------------------


@pytest.fixture
def account(kubectl: Run, namespace: str) -> Callable[[], dict[str, Any]]:
    """The service account `content` with a label and an annotation of its owner."""
    kubectl("create", "serviceaccount", "content", "-n", namespace)
    kubectl("label", "serviceaccount", "content", "team=data", "-n", namespace)
    return lambda: json.loads(kubectl("get", "serviceaccount", "content", "-n", namespace, "-o", "json"))


def label_of(account: Mapping[str, Any]) -> LabelServiceAccount:
    metadata = account["metadata"]
    return label(namespace=metadata["namespace"], uid=metadata["uid"], resource_version=metadata["resourceVersion"])


def test_a_label_is_added_once_and_taken_back_alone(
    tools: Tools, account: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    action = label_of(account())
    dry_run(plan_of(tools, action), tools)
    assert LABEL not in account()["metadata"]["labels"]

    journal, (outcome,) = made(tools, tmp_path, action)
    assert outcome.state is State.DONE
    assert account()["metadata"]["labels"] == {"team": "data", LABEL: "true"}

    _, (again,) = made(tools, tmp_path, action)
    assert again.state is State.ALREADY

    (taken,) = undo(Journal.open(journal.path), tools)
    assert taken.state is State.DONE
    assert account()["metadata"]["labels"] == {"team": "data"}
    assert undo(Journal.open(journal.path), tools) == ()


def test_an_account_that_changed_since_is_not_labelled(
    tools: Tools, account: Callable[[], dict[str, Any]], kubectl: Run, namespace: str, tmp_path: Path
) -> None:
    action = label_of(account())
    kubectl("annotate", "serviceaccount", "content", "note=x", "-n", namespace)
    with pytest.raises(PlanRefused, match="was changed since the plan was made"):
        dry_run(plan_of(tools, action), tools)
    plan = plan_of(tools, action)
    (outcome,) = apply(plan, tools, Journal.create(plan, tmp_path), Silent())
    assert outcome.state is State.REFUSED
    assert LABEL not in account()["metadata"]["labels"]


def test_an_account_that_was_made_anew_is_not_labelled(
    tools: Tools, account: Callable[[], dict[str, Any]], kubectl: Run, namespace: str
) -> None:
    action = label_of(account())
    kubectl("delete", "serviceaccount", "content", "-n", namespace)
    with pytest.raises(PlanRefused, match="no longer exists"):
        dry_run(plan_of(tools, action), tools)
    kubectl("create", "serviceaccount", "content", "-n", namespace)
    with pytest.raises(PlanRefused, match="created again"):
        dry_run(plan_of(tools, action), tools)


def test_a_label_that_somebody_else_set_to_another_value_stays(
    tools: Tools, account: Callable[[], dict[str, Any]], kubectl: Run, namespace: str, tmp_path: Path
) -> None:
    journal, _ = made(tools, tmp_path, label_of(account()))
    kubectl("label", "serviceaccount", "content", f"{LABEL}=mine", "--overwrite", "-n", namespace)
    (taken,) = undo(journal, tools)
    assert taken.state is State.REFUSED
    assert account()["metadata"]["labels"][LABEL] == "mine"


def test_a_label_that_somebody_else_took_away_and_set_again_stays(
    tools: Tools, account: Callable[[], dict[str, Any]], kubectl: Run, namespace: str, tmp_path: Path
) -> None:
    journal, _ = made(tools, tmp_path, label_of(account()))
    for change in (f"{LABEL}-", f"{LABEL}=true"):
        kubectl("label", "serviceaccount", "content", change, "-n", namespace)
    (taken,) = undo(journal, tools)
    assert taken.state is State.REFUSED
    assert account()["metadata"]["labels"][LABEL] == "true"


def test_the_account_that_connects_server_runs_as_is_refused(
    tools: Tools, account: Callable[[], dict[str, Any]], kubectl: Run, namespace: str
) -> None:
    kubectl("create", "deployment", "server", "--image", IMAGE, "--replicas=0", "-n", namespace)
    spec = {"serviceAccountName": "content", "containers": [{"name": "connect", "image": IMAGE}]}
    body = json.dumps({"spec": {"template": {"spec": spec}}})
    kubectl("patch", "deployment", "server", "-n", namespace, "-p", body)
    with pytest.raises(PlanRefused, match="server's own account in Deployment server"):
        dry_run(plan_of(tools, label_of(account())), tools)


# --- ownership ---------------------------------------------------------------------------------------------------


def ownership_of(kubectl: Run, namespace: str, claim: str = "data", **fields: Any) -> ChangeOwnership:
    uid = kubectl("get", "persistentvolumeclaim", claim, "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    return ownership(claim, namespace, claim_uid=uid, **{"placement": Placement(image=IMAGE), **fields})


def test_ownership_is_changed_by_a_job_that_leaves_nothing_behind(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=300)
    before = volume.owners()
    action = ownership_of(kubectl, namespace)
    dry_run(plan_of(tools, action), tools)
    assert volume.owners() == before

    journal, (outcome,) = made(tools, tmp_path, action)
    assert outcome.state is State.DONE, outcome.message
    entries = sum(before.values())
    assert outcome.details["changed"] == entries
    # The one entry of root is the state that undo reads.
    assert volume.owners() == {"999:999": entries, "0:0": 1}
    assert kubectl("get", "jobs,pods", "-n", namespace, "-o", "name").split() == []
    assert "posit-audit" not in kubectl("get", "configmaps", "-n", namespace, "-o", "name")

    _, (again,) = made(tools, tmp_path, action)
    assert again.state is State.ALREADY

    (taken,) = undo(journal, tools)
    assert taken.state is State.DONE, taken.message
    assert volume.owners() == {"0:0": entries + 1}


def test_roots_license_activations_are_moved_aside_and_back(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=1)
    volume.shell(f"mkdir '{volume.path}/verify' && echo activation > '{volume.path}/verify/key'")
    journal, (outcome,) = made(tools, tmp_path, ownership_of(kubectl, namespace, move_aside=("verify",)))
    assert outcome.details["moved_aside"] == 1, outcome.message
    kept = volume.shell(f"ls '{volume.path}'").split()
    assert "verify" not in kept
    assert [name for name in kept if name.startswith("verify.posit-audit-")]
    undo(journal, tools)
    assert volume.shell(f"cat '{volume.path}/verify/key'").strip() == "activation"


def test_a_run_that_was_interrupted_is_gone_on_with(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=100)
    plan = plan_of(tools, ownership_of(kubectl, namespace))
    journal = Journal.create(plan, tmp_path)
    with pytest.raises(Interrupted, match="posit-audit undo"):
        apply(plan, tools, journal, Ticks(stop_at=lambda _: True))
    first = kubectl("get", "jobs", "-n", namespace, "-o", "jsonpath={.items[*].metadata.uid}")
    assert first
    dry_run(plan, tools)
    (outcome,) = apply(plan, tools, Journal.create(plan, tmp_path), Silent())
    assert outcome.state in (State.DONE, State.ALREADY), outcome.message
    assert volume.owners()["0:0"] == 1
    # The interrupted run's journal knows that something may have been done.
    (taken,) = undo(Journal.open(journal.path), tools)
    assert taken.state is State.DONE
    assert "999:999" not in volume.owners()


def test_a_namespace_that_admits_no_root_is_known_before_anything_is_made(
    tools: Tools, kubectl: Run, make_namespace: Callable[..., str], local_volume: Callable[..., Any]
) -> None:
    namespace = make_namespace("strict", {"pod-security.kubernetes.io/enforce": "restricted"})
    local_volume(namespace, files=1)
    with pytest.raises(PlanRefused, match=r"(?s)Two ways out.*storage server"):
        dry_run(plan_of(tools, ownership_of(kubectl, namespace)), tools)
    assert "posit-audit" not in kubectl("get", "jobs,configmaps", "-n", namespace, "-o", "name")


def test_an_image_that_cannot_be_pulled_is_told_and_nothing_stays(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], tmp_path: Path
) -> None:
    local_volume(namespace, files=1)
    action = ownership_of(kubectl, namespace, placement=Placement(image="docker.io/none/none:1"))
    _, (outcome,) = made(replace(tools, start_seconds=25), tmp_path, action)
    assert outcome.state is State.FAILED
    assert "did not start" in outcome.message
    assert "Pull" in outcome.message
    assert kubectl("get", "jobs", "-n", namespace, "-o", "name") == ""


def test_a_claim_in_use_on_one_node_is_re_owned_there(
    tools: Tools, kubectl: Run, namespace: str, local_volume: Callable[..., Any], node_name: str, tmp_path: Path
) -> None:
    volume = local_volume(namespace, files=10)
    kubectl("apply", "-f", "-", "-n", namespace, input=json.dumps(_user("server", "data")))
    kubectl("wait", "--for=condition=Ready", "pod/server", "-n", namespace, "--timeout=60s")
    with pytest.raises(PlanRefused, match=f"used on node {node_name} now"):
        dry_run(plan_of(tools, ownership_of(kubectl, namespace)), tools)
    placement = Placement(image=IMAGE, node=node_name)
    _, (outcome,) = made(tools, tmp_path, ownership_of(kubectl, namespace, placement=placement))
    assert outcome.state is State.DONE, outcome.message
    assert volume.owners()["0:0"] == 1


def _user(name: str, claim: str) -> dict[str, Any]:
    server = {
        "name": "server",
        "image": IMAGE,
        "command": ["sleep", "3600"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
    spec = {"containers": [server], "volumes": [volume], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


# --- values ------------------------------------------------------------------------------------------------------


@dataclass
class Release:
    namespace: str
    helm: Run
    tools: Tools
    chart: Path

    def values(self) -> dict[str, Any]:
        return json.loads(self.helm("get", "values", "pm", "-n", self.namespace, "-o", "json")) or {}

    def history(self) -> list[dict[str, Any]]:
        return json.loads(self.helm("history", "pm", "-n", self.namespace, "-o", "json"))

    def patch(self, *edits: ValueEdit) -> PatchValues:
        revision = max(int(entry["revision"]) for entry in self.history())
        name = f"sh.helm.release.v1.pm.v{revision}"
        secret = self.tools.reader.get(SECRETS, self.namespace, name)
        record = decode_release(secret["data"]["release"], name)
        return patch(
            *edits,
            release="pm",
            namespace=self.namespace,
            chart_version=record.chart_version,
            revision=revision,
            values_digest=record.values_digest,
        )

    def upgrade(self, *flags: str) -> None:
        self.helm("upgrade", "pm", str(self.chart), "-n", self.namespace, *flags)


@pytest.fixture
def release(helm: Run, kubectl: Run, namespace: str, archives: Path, tools: Tools) -> Release:
    """Package Manager with a misspelled key and secrets in its values, ready."""
    chart = archives / "rstudio-pm-0.20.4.tgz"
    values = {
        "enableMigrations": True,
        "license": {"key": CANARY},
        "config": {"Postgres": {"Password": CANARY, "Limit": 1000000}},
        "enableSandboxing": False,
    }
    arguments = ["-n", namespace, "-f", "-", "--wait", "--timeout", "120s"]
    helm("install", "pm", str(chart), *arguments, input=json.dumps(values))
    return Release(namespace, helm, tools, chart)


RENAME = edit("rename", "enableMigrations", to="enableMigration")


def test_values_are_patched_and_rolled_back(release: Release, tmp_path: Path) -> None:
    before = release.values()
    action = release.patch(RENAME)
    dry_run(plan_of(release.tools, action), release.tools)
    assert len(release.history()) == 1

    journal, (outcome,) = made(release.tools, tmp_path, action)
    assert outcome.state is State.DONE, outcome.message
    wanted = {key: value for key, value in before.items() if key != "enableMigrations"}
    assert release.values() == {**wanted, "enableMigration": True}
    assert outcome.details == {"revision": 2, "revision_before": 1}

    _, (again,) = made(release.tools, tmp_path, action)
    assert again.state is State.ALREADY

    (taken,) = undo(journal, release.tools)
    assert taken.state is State.DONE, taken.message
    assert release.values() == before
    assert CANARY not in journal.path.read_text()
    assert undo(Journal.open(journal.path), release.tools) == ()


def test_a_release_that_moved_on_is_left_alone(release: Release, tmp_path: Path) -> None:
    action = release.patch(RENAME)
    release.upgrade("--reuse-values", "--set", "replicas=1")
    with pytest.raises(PlanRefused, match="is at revision 2 now"):
        dry_run(plan_of(release.tools, action), release.tools)

    journal, _ = made(release.tools, tmp_path, release.patch(RENAME))
    release.upgrade("--reuse-values", "--set", "replicas=0")
    (taken,) = undo(journal, release.tools)
    assert taken.state is State.REFUSED
    assert "changed by somebody else" in taken.message
    assert release.values()["replicas"] == 0


def test_values_that_the_chart_refuses_are_known_before_and_no_value_is_shown(release: Release) -> None:
    action = release.patch(edit("set", "config.Launcher.ServerUser", "root"))
    with pytest.raises(PlanRefused) as refused:
        dry_run(plan_of(release.tools, action), release.tools)
    assert "helm upgrade pm failed" in str(refused.value)
    assert CANARY not in str(refused.value)
    assert len(release.history()) == 1


def test_a_release_that_does_not_get_ready_again_is_rolled_back(release: Release, kubectl: Run, tmp_path: Path) -> None:
    before = release.values()
    impatient = replace(release.tools, rollout_seconds=10)
    _, (outcome,) = made(impatient, tmp_path, release.patch(edit("set", "image.tag", "none-such")))
    assert outcome.state is State.FAILED
    assert "did not get ready" in outcome.message
    assert "rolled back to revision 1" in outcome.message
    assert release.values() == before
    ready = "jsonpath={.status.readyReplicas}"
    assert kubectl("get", "deployment", "pm-rstudio-pm", "-n", release.namespace, "-o", ready) == "1"


def test_an_interrupted_upgrade_is_rolled_back(release: Release, tmp_path: Path) -> None:
    plan = plan_of(release.tools, release.patch(edit("set", "image.tag", "none-such")))
    journal = Journal.create(plan, tmp_path)
    waiting = Ticks(stop_at=lambda counts: "waiting: " in counts["note"])
    with pytest.raises(Interrupted):
        apply(plan, release.tools, journal, waiting)
    assert "image" not in release.values()
    assert [o.state for o in undo(Journal.open(journal.path), release.tools)] == [State.ALREADY]


def test_without_the_chart_the_values_are_written_for_a_person(release: Release, tmp_path: Path) -> None:
    connection = release.tools.reader.connection
    with open_tools(connection, helm=str(toolchain.folder() / "helm"), values_folder=tmp_path) as without:
        _, (outcome,) = made(without, tmp_path, release.patch(RENAME))
    assert outcome.state is State.REFUSED
    assert "--chart SOURCE" in outcome.message
    file = tmp_path / f"posit-audit-{release.namespace}-pm-values.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert CANARY not in outcome.message
    release.upgrade("--reset-values", "-f", str(file))
    assert release.values()["enableMigration"] is True
    assert release.values()["config"]["Postgres"]["Limit"] == 1000000


def test_the_charts_ownership_hook_is_not_run(
    helm: Run,
    kubectl: Run,
    namespace: str,
    archives: Path,
    tools: Tools,
    local_volume: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Its image can't be pulled here, so running it would take the whole time-out and fail."""
    volume = local_volume(namespace, "pm-rstudio-pm-shared-storage", files=3, claim=False)
    chart = archives / "rstudio-pm-0.5.29.tgz"
    values = {"sharedStorage": {"create": True, "accessModes": ["ReadWriteOnce"], "volumeName": volume.name}}
    values["sharedStorage"] |= {"storageClassName": "", "requests": {"storage": "1Gi"}}
    helm("install", "pm", str(chart), "-n", namespace, "-f", "-", "--no-hooks", input=json.dumps(values))
    installed = Release(namespace, helm, tools, chart)
    _, (outcome,) = made(tools, tmp_path, installed.patch(edit("set", "replicas", 0)))
    assert outcome.state is State.DONE, outcome.message
    assert kubectl("get", "jobs", "-n", namespace, "-o", "name") == ""
    assert volume.owners()["0:0"] > 3


def test_a_step_that_is_refused_stops_its_release_and_no_other(
    tools: Tools, account: Callable[[], dict[str, Any]], kubectl: Run, namespace: str, tmp_path: Path
) -> None:
    action = label_of(account())
    stale = label("gone", namespace)
    other = planned(wanting(action, rule="other", release=_ref("two")))
    first = planned(wanting(stale, rule="a"), wanting(ownership("gone", namespace), rule="b"))
    plan = Plan(server=tools.server, context="c", steps=(*first.steps, *other.steps))
    outcomes = apply(plan, tools, Journal.create(plan, tmp_path), Silent())
    assert [o.state for o in outcomes] == [State.REFUSED, State.SKIPPED, State.DONE]


def _ref(name: str) -> ReleaseRef:
    return ReleaseRef("elsewhere", name)
