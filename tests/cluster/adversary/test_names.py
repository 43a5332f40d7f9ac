"""Names are secrets too: the name of a license file that holds the license key, keys of values, of ConfigMaps and of
annotations that somebody wrote a secret into. They are in nothing that posit-audit prints or keeps, and it works with
them all the same."""

from __future__ import annotations

import base64
import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster.connect import connect
from auditor.cluster.writer import Writer
from auditor.errors import HelmError, Invalid
from auditor.helm.command import Helm
from auditor.model.kubernetes import CONFIG_MAPS, SERVICE_ACCOUNTS
from auditor.settings import ClusterSettings
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository, package_charts
from tests.cluster.program import PositAudit

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
LICENSE_KEY = "KQ7M-Z2XA-9PLT-04VB-WW3E-6HJC-RN5D"
FILE = f"2026-12-15_pm_acme_{LICENSE_KEY}.lic"
SHOWN = "2026-12-15_pm_acme_****.lic"
UNKNOWN, ANNOTATION = "hunter2swordfish", "tok-9f3c1dq7zx-x1"
DSN = "postgres://ppm:S3cr3t%2FDsn@db.example:5432/ppm"
SECRETS = (LICENSE_KEY, LICENSE_KEY.lower(), "KQ7M", "RN5D", UNKNOWN, ANNOTATION, "S3cr3t")
FORMS = tuple(
    form
    for secret in SECRETS
    for form in (secret, secret.lower(), *(() if len(secret) < 8 else (base64.b64encode(secret.encode()).decode(),)))
)


def leaks(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


@pytest.fixture(scope="module")
def released(
    kubectl: Run, helm: Run, charts: ChartRepository, make_namespaces: Callable[..., str], images: list[str]
) -> str:
    """A release of Package Manager that asks for license.lic, where the Secret has the file under its own name."""
    namespace = make_namespaces("names")
    kubectl("create", "secret", "generic", "license", f"--from-literal={FILE}=x", "-n", namespace)
    values = {
        "license": {"file": {"secret": "license", "secretKey": "license.lic"}},
        "pod": {"annotations": {ANNOTATION: "x"}},
        "config": {"Postgres": {"URL": DSN}},
        "image": {"tag": "none-such"},
        UNKNOWN: "x",
    }
    arguments = ("--repo", charts.url, "--version", "0.20.4", "-n", namespace, "-f", "-")
    helm("install", "pm", "rstudio-pm", *arguments, input=json.dumps(values))
    return namespace


@pytest.fixture(scope="module")
def make_namespaces(kubectl: Run) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(prefix: str) -> str:
        name = f"{prefix}-{os.urandom(4).hex()}"
        kubectl("create", "namespace", name)
        kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
        made.append(name)
        return name

    yield make
    for name in made:
        kubectl("delete", "namespace", name, "--wait=false", check=False)


@pytest.fixture
def posit_audit(cluster_environment: dict[str, str], tmp_path: Path) -> PositAudit:
    return PositAudit(cluster_environment, tmp_path)


def values_of(helm: Run, namespace: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(helm("get", "values", "pm", "-n", namespace, "-o", "json"))
    return told


def kept(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_a_license_files_name_is_set_and_printed_nowhere(
    released: str, posit_audit: PositAudit, helm: Run, charts: ChartRepository, tmp_path: Path
) -> None:
    chosen = ("-n", released, "--only", "license-secret-key-missing")
    posit_audit("-vv", "scan", "-n", released, "--show-passed", "--exit-zero", expect=0)
    posit_audit("scan", "-n", released, "-o", "json", "--to", "rstudio-pm=newest", "--exit-zero", expect=0)
    assert SHOWN in posit_audit.printed
    plan = str(tmp_path / "plan.json")
    posit_audit("fix", *chosen, *charts.flags, "--out", plan, expect=2)
    assert SHOWN in Path(plan).read_text()
    posit_audit("-vv", "fix", "--plan", plan, "--apply", "--yes", *charts.flags, expect=0)
    assert values_of(helm, released)["license"]["file"]["secretKey"] == FILE
    posit_audit("fix", "--plan", plan, "--apply", "--yes", *charts.flags, expect=0)
    assert len(json.loads(helm("history", "pm", "-n", released, "-o", "json"))) == 2
    posit_audit("-vv", "undo", "--yes", expect=0)
    assert values_of(helm, released)["license"]["file"]["secretKey"] == "license.lic"
    assert leaks(posit_audit.printed) == []
    assert leaks(kept(tmp_path)) == []


def test_a_secret_that_leaves_a_choice_since_is_not_chosen_from(
    released: str, posit_audit: PositAudit, kubectl: Run, helm: Run, charts: ChartRepository, tmp_path: Path
) -> None:
    plan = str(tmp_path / "plan.json")
    chosen = ("-n", released, "--only", "license-secret-key-missing")
    posit_audit("fix", *chosen, *charts.flags, "--out", plan, expect=2)
    another = json.dumps({"data": {f"another-{LICENSE_KEY}.lic": "eA=="}})
    kubectl("patch", "secret", "license", "-n", released, "--type=merge", "-p", another)
    posit_audit("fix", "--plan", plan, "--apply", "--yes", *charts.flags, expect=1)
    assert "no longer has one key that can be the license file" in posit_audit.printed
    kubectl(
        "patch", "secret", "license", "-n", released, "--type=merge",
        "-p", json.dumps({"data": {f"another-{LICENSE_KEY}.lic": None}}),
    )  # fmt: skip
    assert leaks(posit_audit.printed) == []
    assert leaks(kept(tmp_path)) == []


def test_events_of_others_are_reason_and_count(released: str, posit_audit: PositAudit, kubectl: Run) -> None:
    """Who may create events in the namespace writes into every report on it, for a terminal and for jq."""
    kubectl("wait", "--for=create", "pod", "-l", "app.kubernetes.io/instance=pm", "-n", released, "--timeout=30s")
    pod = json.loads(kubectl("get", "pods", "-n", released, "-o", "json"))["items"][0]["metadata"]
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "evil", "namespace": released},
        "involvedObject": {"kind": "Pod", "namespace": released, "name": pod["name"], "uid": pod["uid"]},
        "type": "Warning",
        "reason": "FailedMount",
        "message": f"mount -o {ANNOTATION}={DSN}: permission denied \x1b[2J\u202e\u200b",
        "count": 5,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    kubectl("create", "-f", "-", input=json.dumps(event))
    for form in ((), ("-o", "json")):
        posit_audit("scan", "-n", released, *form, "--exit-zero", expect=0)
    assert posit_audit.printed.count("FailedMount: permission denied (5 times); its message is withheld") == 2
    assert leaks(posit_audit.printed) == []
    assert not [one for one in ("\x1b", "\u202e", "\u200b", "u202e") if one in posit_audit.printed]


POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "gossip"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["serviceaccounts"]}
            ]
        },
        "validations": [
            {
                "expression": "!('gossip' in object.metadata.annotations)",
                "messageExpression": "'it has ' + object.metadata.annotations['gossip']",
            }
        ],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "gossip"},
    "spec": {"policyName": "gossip", "validationActions": ["Deny"]},
}


@pytest.fixture
def gossip(kubectl: Run) -> Iterator[None]:
    """An admission policy whose message quotes the object."""
    for one in (POLICY, BINDING):
        kubectl("create", "-f", "-", input=json.dumps(one))
    yield
    for one in (BINDING, POLICY):
        kubectl("delete", str(one["kind"]), "gossip", check=False)


def denied(attempt: Callable[[], object]) -> Invalid:
    """Once the policy takes effect."""
    for _ in range(100):
        try:
            attempt()
        except Invalid as error:  # a policy's own default; a webhook's is Forbidden
            return error
        time.sleep(0.2)
    pytest.fail("the policy does not take effect")


@pytest.mark.usefixtures("gossip")
def test_a_policy_that_quotes_the_object_is_not_repeated(released: str, kubectl: Run, kubeconfig: Path) -> None:
    metadata = {"name": "talker", "namespace": released, "annotations": {"gossip": DSN}}
    kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
    writer = Writer(connect(ClusterSettings(kubeconfig=str(kubeconfig))))
    labels = {"metadata": {"labels": {"a": "b"}}}
    error = denied(lambda: writer.patch(SERVICE_ACCOUNTS, released, "talker", labels, dry_run=True))
    assert leaks(str(error)) == []
    assert "ValidatingAdmissionPolicy gossip; its message is withheld" in str(error)
    command = error.hint.partition(": ")[2]
    assert "S3cr3t" in kubectl(*shlex.split(command)[1:], check=False)  # which shows what we don't


def test_keys_that_the_api_server_quotes_are_masked(released: str, kubeconfig: Path) -> None:
    writer = Writer(connect(ClusterSettings(kubeconfig=str(kubeconfig))))
    wrong = {"data": {f"{UNKNOWN} {LICENSE_KEY}": "x"}}
    with pytest.raises(Invalid, match=r"data\[\*{4} \*{4}\] \(FieldValueInvalid\)") as error:
        writer.patch(CONFIG_MAPS, released, "kube-root-ca.crt", wrong, dry_run=True)
    assert leaks(str(error.value)) == []


@pytest.mark.parametrize("version", [toolchain.HELM, toolchain.HELM_3])
def test_what_helm_repeats_of_the_api_server_is_masked(
    version: str, released: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """Map keys, and parts of a value: no leaf of the values stands in the message as a whole."""
    values = {
        "sharedStorage": {"create": False},
        "service": {"annotations": {f"{UNKNOWN} {ANNOTATION}": "x"}},
        "config": {"Postgres": {"URL": DSN}},
        "replicas": 0,
        "pod": {"labels": {"dsn": "S3cr3t/Dsn S3cr3t"}},
    }
    helm = Helm(ClusterSettings(kubeconfig=str(kubeconfig)), program=str(toolchain.helm(version)))
    archive = package_charts(tmp_path) / "rstudio-pm-0.20.4.tgz"
    with pytest.raises(HelmError) as error:
        helm.upgrade(released, "pm", chart=archive, values=json.dumps(values).encode(), secrets=[values], timeout=20)
    assert leaks(str(error.value)) == []
    assert "Invalid value" in str(error.value)
