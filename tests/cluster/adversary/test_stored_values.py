"""A tenant of one namespace who writes her release's Secrets, against an administrator who runs posit-audit on it.

She never gets what her own identity has no rights to: no object outside of her namespace, no permissions, no content
of another namespace's Secret, neither in an object nor in what posit-audit prints.
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart_repository import ChartRepository
from tests.cluster.program import PositAudit

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
RECORD = "sh.helm.release.v1.pm.v1"
CANARY = "canary-of-another-namespace-4e1b"
ENCODED = base64.b64encode(CANARY.encode()).decode()
VALUES = {"enableMigrations": True, "replicas": 0, "license": {"key": "KEY"}}
"""What scan finds here, enableMigrations, is fixed by a patch of values that needs no judgement."""


class Estate:
    """Release pm of the tenant, in her namespace; a Secret of somebody else in another one."""

    def __init__(self, kubectl: Run, helm: Run, charts: ChartRepository, posit_audit: PositAudit) -> None:
        self.kubectl, self.helm, self.charts, self.posit_audit = kubectl, helm, charts, posit_audit
        self.mark = uuid.uuid4().hex[:8]
        self.home, self.vault = f"tenant-{self.mark}", f"vault-{self.mark}"
        self.tenant = f"--as=system:serviceaccount:{self.home}:tenant"
        self.planted = f"planted-{self.mark}"
        self.pristine = ""

    def build(self) -> None:
        for name in (self.home, self.vault):
            self.kubectl("create", "namespace", name)
        self.kubectl("create", "serviceaccount", "tenant", "-n", self.home)
        # As much as a tenant is ever granted: everything in her own namespace.
        account = f"--serviceaccount={self.home}:tenant"
        self.kubectl("create", "rolebinding", "tenant", "--clusterrole=admin", account, "-n", self.home)
        self.kubectl("create", "secret", "generic", "vault", f"--from-literal=key={CANARY}", "-n", self.vault)

    def install(self) -> None:
        """Release pm at its first revision, as the administrator made it."""
        if self.pristine and self.helm("history", "pm", "-n", self.home, "-o", "json").count('"revision"') == 1:
            self.kubectl("replace", "-f", "-", input=self.pristine)
            return
        self.helm("uninstall", "pm", "-n", self.home, "--ignore-not-found")
        chart = str(self.charts.archive("rstudio-pm", "0.20.4"))
        self.helm("install", "pm", chart, "-n", self.home, "-f", "-", input=json.dumps(VALUES))
        secret = json.loads(self.kubectl("get", "secret", RECORD, "-n", self.home, "-o", "json"))
        secret["metadata"] = {key: secret["metadata"][key] for key in ("name", "namespace", "labels")}
        self.pristine = json.dumps(secret)

    def remove(self) -> None:
        """What an attack that succeeded has left."""
        kinds = "clusterrolebindings,clusterroles"
        self.kubectl("delete", kinds, self.planted, "--ignore-not-found", check=False)
        for namespace in (self.home, self.vault):
            self.kubectl("delete", "configmaps,rolebindings", self.planted, "-n", namespace, "--ignore-not-found")

    def destroy(self) -> None:
        self.kubectl("delete", "namespace", self.home, self.vault, "--wait=false", check=False)

    def rewritten(self, change: Callable[[dict[str, Any]], None], revision: int = 1) -> None:
        """The tenant writes the Secret of a revision, with her own identity."""
        name = f"sh.helm.release.v1.pm.v{revision}"
        secret = json.loads(self.kubectl("get", "secret", name, "-n", self.home, "-o", "json", self.tenant))
        record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
        change(record)
        packed = base64.b64encode(gzip.compress(json.dumps(record).encode()))
        body = {"data": {"release": base64.b64encode(packed).decode()}}
        self.kubectl("patch", "secret", name, "-n", self.home, "-p", json.dumps(body), self.tenant)

    def values(self, **values: Any) -> None:
        self.rewritten(lambda record: record["config"].update(values))

    def fixed(self, *flags: str, chart: str = "") -> str:
        """What an unattended `fix --apply` of an administrator prints; its exit code is not 0 or 2 by chance only."""
        sources = ("--chart", chart, "--catalog", str(self.charts.catalog)) if chart else self.charts.flags
        return self.posit_audit.said("fix", "-n", self.home, "--apply", "--yes", *sources, *flags)

    def there(self, kind: str, name: str, namespace: str = "") -> bool:
        where = ("-n", namespace) if namespace else ()
        return bool(self.kubectl("get", kind, name, *where, "--ignore-not-found", "-o", "name").strip())

    def revision(self) -> int:
        return int(json.loads(self.helm("history", "pm", "-n", self.home, "-o", "json"))[-1]["revision"])

    def cluster_admin(self) -> dict[str, Any]:
        group = "rbac.authorization.k8s.io"
        return {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": self.planted},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": self.home}],
        }

    def config_map(self, namespace: str, **metadata: Any) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.planted, "namespace": namespace, **metadata},
            "data": {"a": "b"},
        }

    def loot(self) -> str:
        """A template that looks up the other namespace's Secret."""
        return f'{{{{ (lookup "v1" "Secret" "{self.vault}" "vault").data.key }}}}'

    def kept(self) -> str:
        """Another namespace's object, as a manifest names it."""
        return f"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\n  namespace: {self.vault}\n"

    def harmless(self) -> None:
        """Nothing came of it, and nothing of the other Secret was printed."""
        assert not self.there("clusterrolebinding", self.planted)
        for namespace in (self.home, self.vault):
            assert not self.there("configmap", self.planted, namespace)
            assert not self.there("rolebinding", self.planted, namespace)
        held = self.kubectl("get", "deploy,configmap,secret", "-n", self.home, "-o", "json")
        for text in (self.posit_audit.printed, held):
            assert CANARY not in text
            assert ENCODED not in text


@pytest.fixture(scope="module")
def built(
    kubectl: Run, helm: Run, charts: ChartRepository, cluster_environment: dict[str, str], tmp_path_factory: Any
) -> Iterator[Estate]:
    posit_audit = PositAudit(cluster_environment, tmp_path_factory.mktemp("administrator"))
    built = Estate(kubectl, helm, charts, posit_audit)
    built.build()
    yield built
    built.destroy()


@pytest.fixture
def estate(built: Estate) -> Iterator[Estate]:
    built.posit_audit.printed = ""
    built.install()
    yield built
    built.remove()


def _binding(estate: Estate) -> None:
    estate.values(extraObjects=[estate.cluster_admin()])


def _binding_in_a_list(estate: Estate) -> None:
    estate.values(extraObjects=[{"apiVersion": "v1", "kind": "List", "items": [estate.cluster_admin()]}])


def _binding_as_text(estate: Estate) -> None:
    estate.values(extraObjects=[json.dumps(estate.cluster_admin())])


def _object_elsewhere(estate: Estate) -> None:
    estate.values(extraObjects=[estate.config_map(estate.vault)])


def _hook(estate: Estate) -> None:
    annotations = {"helm.sh/hook": "pre-upgrade"}
    estate.values(extraObjects=[estate.config_map(estate.home, annotations=annotations)])


def _lookup_into_an_object(estate: Estate) -> None:
    estate.values(extraObjects=[{**estate.config_map(estate.home), "data": {"key": estate.loot()}}])


def _lookup_into_a_pod(estate: Estate) -> None:
    estate.values(pod={"containerSecurityContext": {"seLinuxOptions": {"user": estate.loot()}}})


def _lookup_into_an_error(estate: Estate) -> None:
    estate.values(extraObjects=[estate.loot().replace("{{", "{{ fail").replace("}}", "| quote }}")])


def _lookup_in_a_key(estate: Estate) -> None:
    estate.values(extraObjects=[{**estate.config_map(estate.home), "data": {estate.loot(): "x"}}])


def _values_of_the_subchart(estate: Estate) -> None:
    library = {"extraObjects": [estate.cluster_admin()]}
    estate.values(**{"rstudio-library": library, "global": library, "extraObjects": [estate.config_map(estate.home)]})


def _documents_inside_a_value(estate: Estate) -> None:
    """The chart writes this value without quotes: what comes after its line break is an object of its own."""
    rest = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: rest}\nspec:\n  accessModes: [ReadWriteOnce]"
    claim = "local\n  resources: {requests: {storage: 1Gi}}"
    text = f"{claim}\n---\n{json.dumps(estate.cluster_admin())}\n---\n{rest}"
    estate.values(sharedStorage={"create": True, "accessModes": ["ReadWriteOnce"], "storageClassName": text})


def _pods_with_more(estate: Estate) -> None:
    """A writer of Secrets alone is not allowed to create pods at all."""
    volume = {"name": "node", "hostPath": {"path": "/"}}
    context = {"privileged": True, "allowPrivilegeEscalation": True}
    estate.values(pod={"volumes": [volume], "containerSecurityContext": context})


@pytest.mark.parametrize(
    "attack",
    [
        _binding,
        pytest.param(_binding_in_a_list, marks=pytest.mark.matrix),
        pytest.param(_binding_as_text, marks=pytest.mark.matrix),
        pytest.param(_object_elsewhere, marks=pytest.mark.matrix),
        _hook,
        _lookup_into_an_object,
        pytest.param(_lookup_into_a_pod, marks=pytest.mark.matrix),
        _lookup_into_an_error,
        pytest.param(_lookup_in_a_key, marks=pytest.mark.matrix),
        pytest.param(_values_of_the_subchart, marks=pytest.mark.matrix),
        _documents_inside_a_value,
        _pods_with_more,
    ],
    ids=lambda attack: attack.__name__.strip("_"),
)
def test_a_tenants_values_do_nothing_with_the_administrators_identity(
    estate: Estate, attack: Callable[[Estate], None]
) -> None:
    attack(estate)
    said = estate.fixed()
    estate.harmless()
    assert "would be refused" in said
    assert estate.revision() == 1


def test_an_object_of_others_that_the_stored_manifest_names_is_not_deleted(estate: Estate) -> None:
    """Helm deletes what the old manifest has and the new one has not, whoever it belongs to."""
    estate.kubectl("create", "configmap", "kept", "-n", estate.vault, "--from-literal=a=b")
    try:
        estate.rewritten(lambda record: record.update(manifest=record["manifest"] + estate.kept()))
        estate.fixed()
        assert estate.there("configmap", "kept", estate.vault)
    finally:
        estate.kubectl("delete", "configmap", "kept", "-n", estate.vault, "--ignore-not-found")


def test_undo_makes_nothing_of_a_record_that_was_rewritten_since(estate: Estate) -> None:
    estate.fixed()
    assert estate.revision() == 2
    named = f"\n---\n{json.dumps(estate.cluster_admin())}\n"
    estate.rewritten(lambda record: record.update(manifest=record["manifest"] + named))
    estate.posit_audit.said("undo", "--yes")
    estate.harmless()


def test_undo_makes_nothing_of_a_record_that_was_rewritten_before(estate: Estate) -> None:
    named = f"\n---\n{json.dumps(estate.cluster_admin())}\n"
    estate.rewritten(lambda record: record.update(manifest=record["manifest"] + named))
    estate.fixed()
    estate.posit_audit.said("undo", "--yes")
    estate.harmless()


def test_undo_deletes_nothing_of_others_that_the_newest_record_names(estate: Estate) -> None:
    estate.fixed()
    estate.kubectl("create", "configmap", "kept", "-n", estate.vault, "--from-literal=a=b")
    try:
        estate.rewritten(lambda record: record.update(manifest=record["manifest"] + estate.kept()), revision=2)
        estate.posit_audit.said("undo", "--yes")
        assert estate.there("configmap", "kept", estate.vault)
    finally:
        estate.kubectl("delete", "configmap", "kept", "-n", estate.vault, "--ignore-not-found")


def test_a_chart_of_the_same_name_and_version_is_not_believed(estate: Estate, tmp_path: Path) -> None:
    """As a writer of ConfigMap posit-audit-charts puts it there."""
    with tarfile.open(estate.charts.archive("rstudio-pm", "0.20.4")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    chart = tmp_path / "unpacked" / "rstudio-pm"
    (chart / "templates" / "more.yaml").write_text(json.dumps(estate.cluster_admin()))
    forged = tmp_path / "charts" / "rstudio-pm-0.20.4.tgz"
    forged.parent.mkdir()
    with tarfile.open(forged, "w:gz") as archive:
        archive.add(chart, "rstudio-pm")
    estate.fixed(chart=str(forged.parent))
    estate.harmless()
    shutil.copytree(chart, forged.parent / "rstudio-pm")
    forged.unlink()
    said = estate.fixed(chart=str(forged.parent))
    estate.harmless()
    assert "is not one that the catalog knows" in said
