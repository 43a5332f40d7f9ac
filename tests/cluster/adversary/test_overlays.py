"""What the accounts of the products get from the accounts that the overlays make for us.

The attacker has Connect's own service account, which starts Jobs where content runs: the chart grants it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.generate_roles import namespaces, role_bindings

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
RELEASE = "overlaid"
"""The namespace of a release, in the place of the manifests' own example."""
CONNECT = f"system:serviceaccount:{RELEASE}:connect"
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.fixture(scope="module")
def steal(kubectl: Run, images: list[str]) -> Iterator[Callable[[str, str], str]]:
    """`steal("posit-audit-fix", namespace)`: a token of that account, or "" where Connect's account gets none."""
    kubectl("create", "namespace", RELEASE)
    kubectl("create", "serviceaccount", "connect", "-n", RELEASE)
    kubectl("create", "role", "connect", "-n", RELEASE, "--verb=create,get,list", "--resource=jobs.batch,pods,pods/log")
    kubectl("create", "rolebinding", "connect", "-n", RELEASE, "--role=connect", f"--serviceaccount={RELEASE}:connect")

    def job(account: str, namespace: str) -> str:
        container = {"name": "content", "image": IMAGE, "command": ["cat", TOKEN]}
        spec = {"restartPolicy": "Never", "serviceAccountName": account, "automountServiceAccountToken": True}
        body = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"steal-{account}", "namespace": namespace},
            "spec": {"backoffLimit": 0, "template": {"spec": {**spec, "containers": [container]}}},
        }
        return kubectl("create", "-f", "-", "--as", CONNECT, input=json.dumps(body), check=False)

    def stolen(account: str, namespace: str) -> str:
        if "created" not in job(account, namespace):
            return ""
        for _ in range(100):
            found = kubectl("get", "pods", "-n", namespace, "-l", f"job-name=steal-{account}", "-o", "json")
            if any(pod["status"]["phase"] == "Succeeded" for pod in json.loads(found)["items"]):
                return kubectl("logs", f"job/steal-{account}", "-n", namespace, "--as", CONNECT).strip()
            about = f"reason=FailedCreate,involvedObject.name=steal-{account}"
            if kubectl("get", "events", "-n", namespace, "--field-selector", about, "-o", "name"):
                return ""
            time.sleep(0.2)
        pytest.fail("the Job of the attacker neither ran nor failed")

    yield stolen
    kubectl("delete", "namespace", RELEASE, "--wait=false")


@pytest.fixture
def overlay(kubectl: Run, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Applies one of the manifests, for that namespace."""
    manifests = tmp_path / "manifests"
    shutil.copytree(MANIFESTS, manifests)
    for name in ("fix/agent/namespaces.yaml", "namespaced/kustomization.yaml"):
        text = (manifests / name).read_text()
        assert ": publishing\n" in text
        (manifests / name).write_text(text.replace(": publishing\n", f": {RELEASE}\n"))
    (manifests / "fix/role_bindings.yaml").write_text(role_bindings(namespaces(manifests)))
    applied: list[str] = []

    def apply(name: str) -> None:
        kubectl("apply", "-k", str(manifests / name))
        applied.append(name)

    yield apply
    for name in applied:  # waits for the end: other tests apply the same
        kubectl("delete", "-k", str(manifests / name), check=False)


@pytest.fixture
def may(kubeconfig: Path, kubectl: Run) -> Callable[..., bool]:
    """`may(token, "create", "pods")`: whether who has the token is allowed to, in the release's namespace."""
    view = json.loads(kubectl("config", "view", "--minify", "--raw", "-o", "json"))
    (cluster,) = view["clusters"]

    def is_so(token: str, *what: str) -> bool:
        bare = {**view, "users": [{"name": "thief", "user": {"token": token}}]}
        bare["contexts"] = [{"name": "thief", "context": {"cluster": cluster["name"], "user": "thief"}}]
        bare["current-context"] = "thief"
        stolen = kubeconfig.with_name("thief.json")
        stolen.write_text(json.dumps(bare))
        try:
            return kubectl("auth", "can-i", *what, "-n", RELEASE, f"--kubeconfig={stolen}", check=False).startswith(
                "yes"
            )
        finally:
            stolen.unlink()

    return is_so


def test_connects_account_gets_no_token_of_the_account_that_repairs(
    steal: Callable[[str, str], str], overlay: Callable[[str], None], may: Callable[..., bool], kubectl: Run
) -> None:
    overlay("fix")
    account = "posit-audit-fix"
    where = kubectl("get", "serviceaccounts", "-A", "-o", "json")
    homes = {m["namespace"] for one in json.loads(where)["items"] if (m := one["metadata"])["name"] == account}
    tokens = [token for namespace in {RELEASE, *homes} if (token := steal(account, namespace))]
    assert not any(may(token, "create", "rolebindings") for token in tokens)
    assert not tokens, "Connect's account has the token"
    assert homes == {"posit-audit-fix"}
    assert kubectl("get", "persistentvolumeclaims,configmaps", "-n", RELEASE, "-o", "name").split() == [
        "configmap/kube-root-ca.crt"
    ]
    as_us = ("--as", f"system:serviceaccount:posit-audit-fix:{account}")
    assert kubectl("auth", "can-i", "patch", "deployments", "-n", RELEASE, *as_us).startswith("yes")
    assert kubectl("auth", "can-i", "patch", "deployments", "-n", "default", *as_us, check=False) != "yes\n"


def test_what_the_token_of_the_account_that_scans_is_good_for(
    steal: Callable[[str, str], str], overlay: Callable[[str], None], may: Callable[..., bool]
) -> None:
    """docs/security.md says so: to read, and to run a command in the namespace's pods."""
    overlay("namespaced")
    token = steal("posit-audit-scan", RELEASE)
    assert may(token, "get", "secrets")
    assert may(token, "create", "pods", "--subresource=exec")
    writing = [(verb, what) for verb in ("create", "patch", "update", "delete") for what in ("pods", "jobs", "secrets")]
    assert [asked for asked in writing if may(token, *asked)] == []


def test_without_exec_nothing_but_reading_is_granted(kubectl: Run) -> None:
    found = kubectl("kustomize", str(MANIFESTS / "cluster-wide-without-exec"))
    assert "pods/exec" not in found
    assert "create" not in found.replace("created", "")
