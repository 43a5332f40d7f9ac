"""The inventory of releases that real Helm installed on a real API server, with real pods and volumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster.connect import connect
from auditor.cluster.reader import Reader
from auditor.inventory import DISCOVERY_ACCESS, FACET_ACCESS, take
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.kubernetes import Access
from auditor.model.ownership import Owner
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import Content, Facet, ReleaseState, Snapshot
from auditor.settings import ClusterSettings
from tests.chart_repository import package_charts

pytestmark = pytest.mark.cluster
Run = Callable[..., str]
Take = Callable[..., Snapshot]
CANARY = "CANARY-INVENTORY-3c1f"
STORAGE = {
    "create": True,
    "mount": True,
    "storageClassName": "local",
    "accessModes": ["ReadWriteOnce"],
    "requests": {"storage": "1Gi"},
}


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package_charts(tmp_path_factory.mktemp("charts"))


@pytest.fixture
def take_of(kubeconfig: Path) -> Iterator[Take]:
    """`take_of("namespace", ...)` -> Snapshot of these namespaces, as an administrator or as somebody else."""
    connections = []

    def look(*namespaces: str, impersonate: str | None = None, current: str = "default") -> Snapshot:
        settings = ClusterSettings(kubeconfig=str(kubeconfig), impersonate=impersonate)
        scope = Scope(namespaces=namespaces, current=current)
        connections.append(connect(settings))
        return take(Reader(connections[-1]), scope, frozenset(Facet), ProbeMode.AUTO)

    yield look
    for connection in connections:
        connection.api.rest_client.pool_manager.clear()


@pytest.fixture
def install(helm: Run, charts: Path, tmp_path: Path) -> Callable[..., None]:
    def run(namespace: str, name: str, chart: str, version: str, *flags: str, **values: Any) -> None:
        file = tmp_path / f"{namespace}-{name}.json"
        file.write_text(json.dumps(values))
        archive = charts / f"{chart}-{version}.tgz"
        helm("install", name, str(archive), "-n", namespace, "-f", str(file), *flags)

    return run


def unseen(state: ReleaseState) -> set[Facet]:
    return {facet for facet in Facet if isinstance(getattr(state, facet.value), Unseen)}


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("tag", "method"), [("2026.08.0-ubuntu-24.04", "python"), ("without-python", "posix")], ids=["python", "posix"]
)
def test_looks_into_the_volume_of_a_package_manager(
    namespace: str,
    install: Callable[..., None],
    local_volume: Callable[..., Any],
    node_shell: Run,
    take_of: Take,
    tag: str,
    method: str,
) -> None:
    volume = local_volume(namespace, "pm-rstudio-pm-shared-storage", files=120, owner="999:999", claim=False)
    node_shell(f"mkdir '{volume.path}/verify' && chown -R 0:999 '{volume.path}/packages/0'")
    values = {"sharedStorage": STORAGE, "license": {"key": CANARY}, "image": {"tag": tag}}
    install(namespace, "pm", "rstudio-pm", "0.20.4", "--wait", "--timeout=120s", **values)
    before = volume.owners()

    snapshot = take_of(namespace)

    (state,) = snapshot.releases
    assert unseen(state) == set()
    assert isinstance(state.helm, HelmRecord)
    assert (state.helm.status, state.chart_version) == (HelmStatus.DEPLOYED, "0.20.4")
    assert not isinstance(state.ownership, Unseen)
    (probe,) = state.ownership
    assert (probe.problem, probe.method, probe.exhaustive) == (None, method, True)
    assert (probe.expected, probe.root_activations) == (Owner(999, 999), ("verify",))
    assert probe.seen == sum(before.values())
    # Mounting the volume, the kubelet gave it to group 999, as fsGroup asks; the owner stays whose it was.
    assert {f"{row.owner}": row.count for row in probe.wrong} == {
        owner: count for owner, count in before.items() if owner != "999:999"
    }
    assert volume.owners() == before
    assert CANARY not in repr(snapshot)


@pytest.mark.usefixtures("images")
def test_sees_a_connect_that_argo_cd_would_have_installed_and_its_content(
    make_namespace: Callable[..., str], helm: Run, kubectl: Run, charts: Path, tmp_path: Path, take_of: Take
) -> None:
    namespace, content_namespace = make_namespace("connect"), make_namespace("content")
    values = {
        "fullnameOverride": "publishing",
        "sharedStorage": STORAGE,
        "license": {"file": {"contents": CANARY}},
        "backends": {"kubernetes": {"namespace": content_namespace}},
    }
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    chart = str(charts / "rstudio-connect-0.21.0.tgz")
    kubectl("apply", "-f", "-", input=helm("template", "hub", chart, "-n", namespace, "-f", str(file)))
    kubectl("create", "serviceaccount", "analyst", "-n", content_namespace)
    container = {"name": "connect-content", "image": "registry.invalid/content"}
    pod = {"serviceAccountName": "analyst", "restartPolicy": "Never", "containers": [container]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "render"}, "spec": {"template": {"spec": pod}}}
    kubectl("create", "-n", content_namespace, "-f", "-", input=json.dumps(job))

    snapshot = take_of(namespace)

    (state,) = snapshot.releases
    assert (str(state.ref), state.fullname, state.helm) == (f"{namespace}/hub", "publishing", None)
    assert (state.chart_version, state.product_version, unseen(state)) == ("0.21.0", "2026.08.0", set())
    assert isinstance(state.content, Content)
    assert (state.content.mode, state.content.namespace, state.content.jobs) == ("direct", content_namespace, 1)
    assert [use.account for use in state.content.uses] == ["default", "analyst"]
    assert not isinstance(state.service_accounts, Unseen)
    assert {account.ref.name for account in state.service_accounts} == {"analyst", "default", "publishing"}
    assert not isinstance(state.role_bindings, Unseen)
    (binding,) = state.role_bindings
    assert (binding.ref.namespace, binding.accounts) == (content_namespace, ((namespace, "publishing"),))
    assert not isinstance(state.license_secrets, Unseen)
    assert [(one.source, one.ref.name, one.exists) for one in state.license_secrets] == [
        ("file", "publishing-license-file", True)
    ]
    assert CANARY not in repr(snapshot)


def test_finds_a_release_that_failed_before_it_had_a_deployment(
    namespace: str, helm: Run, charts: Path, take_of: Take
) -> None:
    refused = ["--set", "replicas=-1", "--set", "sharedStorage.create=true", "--set", f"license.key={CANARY}"]
    helm("install", "pm", str(charts / "rstudio-pm-0.20.4.tgz"), "-n", namespace, *refused, check=False)

    snapshot = take_of(namespace)

    (state,) = snapshot.releases
    assert isinstance(state.helm, HelmRecord)
    assert (state.helm.status, state.workload, state.pods) == (HelmStatus.FAILED, None, ())
    assert state.helm.description.startswith("Release failed")
    assert CANARY not in repr(snapshot)


@pytest.fixture
def reader_account(kubectl: Run, namespace: str) -> str:
    """An account that may in `namespace` what the inventory declares, and nothing elsewhere."""
    rules: list[dict[str, Any]] = [
        {
            "apiGroups": [access.resource.group],
            "resources": [_plural(access)],
            "verbs": list(access.verbs),
        }
        for access in {*DISCOVERY_ACCESS, *(one for accesses in FACET_ACCESS.values() for one in accesses)}
        if access.resource.granted_in_namespace
    ]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader", "namespace": namespace},
        "rules": rules,
    }
    kubectl("create", "-f", "-", input=json.dumps(role))
    kubectl("create", "rolebinding", "reader", "--role=reader", "--user=someone", "-n", namespace)
    return "someone"


def _plural(access: Access) -> str:
    return f"{access.resource.plural}/{access.subresource}" if access.subresource else access.resource.plural


@pytest.mark.usefixtures("images")
def test_rights_in_one_namespace_show_its_releases_and_say_what_is_missing(
    namespace: str,
    install: Callable[..., None],
    local_volume: Callable[..., Any],
    take_of: Take,
    reader_account: str,
) -> None:
    local_volume(namespace, "pm-rstudio-pm-shared-storage", owner="999:999", claim=False)
    install(namespace, "pm", "rstudio-pm", "0.20.4", "--wait", "--timeout=120s", sharedStorage=STORAGE)

    snapshot = take_of(impersonate=reader_account, current=namespace)

    (state,) = snapshot.releases
    assert snapshot.namespaces == (namespace,)
    (blind,) = snapshot.blind
    assert blind.reason.startswith(f"Other namespaces than {namespace} were not searched:")
    # These are the cluster's, and no role of a namespace can give them.
    assert unseen(state) == {Facet.VOLUMES, Facet.STORAGE_CLASSES, Facet.CSI_DRIVERS}
    assert isinstance(state.volumes, Unseen)
    assert "may not get PersistentVolume" in state.volumes.reason
    assert not isinstance(state.ownership, Unseen)
    assert [probe.problem for probe in state.ownership] == [None]
