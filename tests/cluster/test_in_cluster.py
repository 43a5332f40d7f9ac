"""posit-audit inside the cluster, as docs/operations.md says: every console block of that page is run here.

The tests of this module share one estate and run in their order; the last ones leave it as it was built.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.model.preflight import Need
from auditor.pipeline import scan as pipeline
from auditor.pipeline.access import for_scan
from auditor.settings import ClusterSettings
from scripts import kube_score
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository
from tests.cluster.operations import Operator, sections
from tests.estate import CONTENT, NAMESPACES, PACKAGES, PLANTED, PUBLISHING, Estate

pytestmark = pytest.mark.cluster

Audit = Callable[[str], list[dict[str, Any]]]
Run = Callable[..., str]
SCANNER = "system:serviceaccount:posit-audit:posit-audit-scan"
FIXER = "posit-audit-fix"
"""The namespace of what repairs, and its account there."""
READING = {"get", "list"}
OVERLAYS = ("cluster-wide", "cluster-wide-without-exec", "namespaced", "fix")


@pytest.fixture(scope="module")
def operator(
    agent_image: str,
    estate: Estate,
    charts: ChartRepository,
    cluster_environment: dict[str, str],
    journals: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Operator:
    return Operator(cluster_environment, tmp_path_factory.mktemp("operator"), charts.folder)


@pytest.fixture(scope="module")
def journals(
    estate: Estate, kubectl: Run, node_shell: Callable[[str], str], node_name: str, state_folder: Path
) -> Iterator[None]:
    """A volume for the claim of the overlay `fix`: nothing provides any here."""
    path = state_folder / "volumes" / "journals"
    node_shell(f"mkdir -p '{path}'")
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node_name]}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "journals"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "local",
            "claimRef": {"namespace": FIXER, "name": "posit-audit-journals"},
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
    kubectl("create", "-f", "-", input=json.dumps(volume))
    yield
    kubectl("delete", "persistentvolume", "journals", "--wait=false", check=False)
    node_shell(f"rm -rf '{path}'")


@pytest.fixture(scope="module")
def asked(audit_events: Audit) -> Callable[[str], list[dict[str, Any]]]:
    """What an account asked of the API server, whether by its token or because somebody impersonated it."""

    def by(user: str) -> list[dict[str, Any]]:
        return [
            event
            for event in audit_events("")
            if event["stage"] == "ResponseComplete"
            and user in (event["user"]["username"], event.get("impersonatedUser", {}).get("username"))
        ]

    return by


def found(report: str, result: str = "failed") -> set[tuple[str, str, str]]:
    findings = json.loads(report)["findings"]
    return {(f["release"]["namespace"], f["release"]["name"], f["rule"]) for f in findings if f["result"] == result}


def decision(event: dict[str, Any]) -> str:
    return str(event["annotations"].get("authorization.k8s.io/decision"))


def changes(event: dict[str, Any]) -> bool:
    if "objectRef" not in event:  # Helm asks for the server's version and its schema
        return event["verb"] != "get"
    asks = event["objectRef"]["resource"].endswith("reviews")
    return event["verb"] not in READING and not asks and "dryRun=All" not in event["requestURI"]


def test_the_nightly_scan_finds_every_planted_fault(operator: Operator, kubectl: Run) -> None:
    operator.follow("Scan the whole cluster")
    report = (operator.folder / "report.json").read_text()
    assert found(report) == PLANTED
    assert not found(report, "unknown")
    level = kubectl("get", "namespace", "posit-audit", "-o", "jsonpath={.metadata.labels}")
    assert json.loads(level)["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_report_can_be_read_as_the_page_says(operator: Operator) -> None:
    summary, failures, why = operator.follow("Read the report")
    assert "'unknown': 0" in summary
    assert len(failures.splitlines()) >= len(PLANTED)
    assert "fsGroup" in why


def test_its_account_asks_for_nothing_that_its_role_does_not_cover(
    operator: Operator, asked: Callable[[str], list[dict[str, Any]]]
) -> None:
    """The API server's audit log is the witness."""
    events = asked(SCANNER)
    assert len(events) > 20
    assert {event["userAgent"].partition("/")[0] for event in events} == {"posit-audit"}
    assert {decision(event) for event in events} == {"allow"}
    by_role = 'RBAC: allowed by ClusterRoleBinding "posit-audit-scan" of ClusterRole "posit-audit-scan"'
    assert {event["annotations"]["authorization.k8s.io/reason"].partition(" to ")[0] for event in events} == {by_role}
    assert {event["verb"] for event in events} <= READING


def test_in_one_namespace_only_what_lies_outside_is_unknown(
    operator: Operator, asked: Callable[[str], list[dict[str, Any]]]
) -> None:
    operator.run("kubectl label namespace packages pod-security.kubernetes.io/warn=restricted")
    *_, report, _, _ = operator.follow("Scan one namespace without rights in the cluster")
    outside = {rule for need in for_scan() if not need.access.resource.granted_in_namespace for rule in need.blinds}
    assert found(report) == {planted for planted in PLANTED if planted[0] == PACKAGES}
    judged = {finding["rule"] for finding in json.loads(report)["findings"]}
    assert found(report, "unknown") == {(PACKAGES, "pm", rule) for rule in outside & judged}
    assert outside & judged
    events = asked("system:serviceaccount:packages:posit-audit-scan")
    assert {event["verb"] for event in events} <= READING
    granted = [event["objectRef"] for event in events if decision(event) == "allow"]
    assert granted
    assert {ref["namespace"] for ref in granted} == {PACKAGES}


def test_the_namespace_of_a_launcher_is_seen_whole_without_rights_in_the_cluster(operator: Operator) -> None:
    """In the form of the overlay `namespaced` as it is, which is for namespace publishing."""
    operator.run("kubectl apply -k manifests/namespaced")
    account = f"system:serviceaccount:{PUBLISHING}:posit-audit-scan"
    report = operator.run(f"posit-audit scan -n {PUBLISHING} -o json --exit-zero --as {account}")
    assert found(report) == {planted for planted in PLANTED if planted[0] == PUBLISHING}
    assert not found(report, "unknown")


def test_preflight_says_what_is_missing_and_how_it_is_granted(operator: Operator) -> None:
    whole, narrow = operator.follow("Ask what an account may do")
    assert re.search(r"(\d+) of \1 rights are there", whole)
    assert "unknown without it: storage-cannot-be-reowned" in narrow
    assert "get persistentvolumes\n" in narrow
    operator.run(f"kubectl create serviceaccount nobody -n {PUBLISHING}")
    asking = f"posit-audit preflight -o json -n {PUBLISHING} --as system:serviceaccount:{PUBLISHING}:nobody"
    told = json.loads(operator.run(f"{asking}  # ends with 2"))
    assert len(told["missing"]) == told["asked"]
    for command in told["grants"]:
        operator.run(command)
    assert json.loads(operator.run(asking))["missing"] == []


def test_an_upgrade_of_the_same_changes_nothing(operator: Operator) -> None:
    difference, applied = operator.follow("Upgrade")
    assert difference == ""
    assert "configured" not in applied


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_restricted_and_clean(overlay: str, operator: Operator) -> None:
    """By the API server's own validation, in a namespace that warns of whatever is not restricted; and by a linter."""
    trial = operator.folder / f"trial-{overlay}"
    trial.mkdir()
    own = overlay == "fix"  # which is in several namespaces, so that none can be set for all of it
    content = {"resources": [f"../manifests/{overlay}"], **({} if own else {"namespace": "posit-audit"})}
    (trial / "kustomization.yaml").write_text(json.dumps(content))
    if own:
        operator.run("kubectl apply -f manifests/fix/agent/namespace.yaml")
    said = operator.run(f"kubectl apply -k {trial.name} --dry-run=server --validate=strict 2>&1")
    assert "server dry run" in said
    assert "Warning" not in said
    ignored = (
        # The tag is a version, and a cluster without a registry must be able to start what it has.
        "container-image-pull-policy",
        # Nothing is written but into memory.
        "container-ephemeral-storage-request-and-limit",
    )
    flags = " ".join(f"--ignore-test {test}" for test in ignored)
    operator.run(f"kubectl kustomize manifests/{overlay} | {kube_score.ensure()} score {flags} -")


def granted(needs: tuple[Need, ...]) -> list[dict[str, Any]]:
    return [
        {"apiGroups": [need.access.resource.group], "resources": [need.resource], "verbs": [need.verb]}
        for need in needs
    ]


LEFT_HOOK: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "pm-rstudio-pm-chown-shared-storage", "namespace": PACKAGES},
    "spec": {
        "suspend": True,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "chown", "image": "busybox"}]}},
    },
}
"""Pods of the chart's hook are looked for where its Job is."""


def scanned(kubeconfig: Path, user: str | None = None) -> pipeline.ScanResult:
    settings = ClusterSettings(kubeconfig=str(kubeconfig), impersonate=user)
    return pipeline.scan(settings, pipeline.ScanRequest(namespaces=NAMESPACES))


def _is_not_asked_for(need: Need) -> bool:
    """`create` on pods/exec is asked for from Kubernetes 1.35 on; no release of the estate has an Ingress or a
    PodDisruptionBudget whose fields could be held."""
    minor = int(toolchain.kubernetes_version().split(".")[1])
    return need.resource in ("ingresses", "poddisruptionbudgets") or (
        minor < 35 and (need.resource, need.verb) == ("pods/exec", "create")
    )


def test_without_one_verb_exactly_the_checks_that_declare_it_are_unknown(
    estate: Estate, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One user for each verb, who lacks that one. Prints the matrix."""
    needs = for_scan()
    objects: list[dict[str, Any]] = []
    for number, lost in enumerate(needs):
        name = f"matrix-{number}"
        rbac = "rbac.authorization.k8s.io"
        role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
        subject = {"kind": "User", "apiGroup": rbac, "name": name}
        binding = {"kind": "ClusterRoleBinding", "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name}}
        objects.append({**role, "rules": granted(tuple(need for need in needs if need != lost))})
        objects.append({**role, **binding, "subjects": [subject]})
    estate.create(*objects, LEFT_HOOK)
    judged = {f.rule for f in scanned(kubeconfig).findings}
    rows = []
    wrong = []
    for number, lost in enumerate(needs):
        result = scanned(kubeconfig, f"matrix-{number}")
        unknown = sorted({f.rule for f in result.findings if f.result == "unknown"})
        if (lost.resource, lost.verb) == ("deployments", "list"):
            # Nothing is found without it, and that is said of each namespace.
            assert result.saw_nothing
            assert len(result.snapshot.blind) >= len(NAMESPACES)
            rows.append((lost, ["nothing is found, and that is said"]))
            continue
        expected = sorted(judged.intersection(() if _is_not_asked_for(lost) else lost.blinds))
        rows.append((lost, unknown))
        if unknown != expected:
            wrong.append((lost.verb, lost.resource, sorted({*unknown} ^ {*expected})))
    lines = [f"{lost.verb:<7}{lost.resource:<28}{', '.join(unknown) or '-'}\n" for lost, unknown in rows]
    with capsys.disabled():
        sys.stdout.write("\n\nwithout                            unknown\n" + "".join(lines))
    assert wrong == []
    estate.kubectl("delete", "job", LEFT_HOOK["metadata"]["name"], "-n", PACKAGES)
    estate.kubectl("delete", *(f"clusterrole/matrix-{n}" for n in range(len(needs))))
    estate.kubectl("delete", *(f"clusterrolebinding/matrix-{n}" for n in range(len(needs))))


def test_a_fix_with_the_scan_role_is_refused_before_anything_is_touched(
    operator: Operator, asked: Callable[[str], list[dict[str, Any]]]
) -> None:
    before = len(asked(SCANNER))
    done = subprocess.run(
        ["posit-audit", "fix", "--apply", "--yes", "--chart", "charts", "--as", SCANNER],
        env=operator.environment,
        cwd=operator.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "The plan can't be applied, and nothing was changed:" in done.stderr
    assert "Traceback" not in done.stderr
    events = asked(SCANNER)[before:]
    assert events
    assert not [event for event in events if changes(event) and decision(event) == "allow"]


def test_the_fix_role_repairs_the_estate_from_inside(operator: Operator, kubectl: Run) -> None:
    """Leaves it repaired. The ownership Job ran in the release's own image, in which the look had found Python, and the
    agent's was next."""
    *_, told = operator.follow("Repair from inside")
    assert "8 of 8 findings mended" in told
    left = json.loads(operator.run("posit-audit scan -o json --exit-zero"))["findings"]
    assert not [f for f in left if f["result"] == "failed" and (f["fix"] or {}).get("actions") and f["fix"]["safe"]]
    events = json.loads(kubectl("get", "events", "-n", PACKAGES, "-o", "json"))["items"]
    started = [e["message"] for e in events if e["involvedObject"]["name"].startswith("posit-audit-ownership-")]
    assert [message for message in started if "posit/package-manager:" in message]


def test_the_fix_account_was_refused_nothing_in_the_namespaces_of_the_list(
    operator: Operator, asked: Callable[[str], list[dict[str, Any]]]
) -> None:
    """What lies in no namespace was refused, and nothing depended on that."""
    outside = {need.resource for need in for_scan() if not need.access.resource.granted_in_namespace}
    events = asked(f"system:serviceaccount:{FIXER}:posit-audit-fix")
    changed = {event["objectRef"]["namespace"] for event in events if changes(event)}
    assert {PUBLISHING, CONTENT, PACKAGES} <= changed
    refused = {event["objectRef"]["resource"] for event in events if decision(event) != "allow"}
    assert refused <= outside


def finished(operator: Operator, namespace: str, job: str) -> None:
    """Waits for its end, good or bad, and shows its log where it is bad."""
    wait = f"kubectl wait job/{job} -n {namespace} --for=jsonpath={{.status.conditions[0].status}}=True --timeout=300s"
    operator.run(wait)
    log = operator.run(f"kubectl logs job/{job} -n {namespace}")
    assert operator.run(f"kubectl get job {job} -n {namespace} -o jsonpath={{.status.succeeded}}") == "1", log


def test_undo_takes_it_back_from_inside(operator: Operator) -> None:
    """Leaves the estate as it was built."""
    operator.follow("Take it back")
    assert found(operator.run("posit-audit scan -o json --exit-zero")) == PLANTED


def test_helm_acts_from_inside_as_the_user_that_is_meant(
    operator: Operator, kubectl: Run, asked: Callable[[str], list[dict[str, Any]]]
) -> None:
    """A plan that Helm tries on the server. With --as Helm itself would not find the pod's account."""
    account = f"{FIXER}:posit-audit-fix"
    kubectl("create", "clusterrole", "deputise", "--verb=impersonate", "--resource=users", "--resource-name=deputy")
    kubectl("create", "clusterrolebinding", "deputise", "--clusterrole=deputise", f"--serviceaccount={account}")
    kubectl("create", "clusterrolebinding", "deputy", "--clusterrole=cluster-admin", "--user=deputy")
    job = ("create", "job", "plan-as", "--from=cronjob/posit-audit-fix", "-n", FIXER)
    body = json.loads(kubectl(*job, "--dry-run=client", "-o", "json"))
    charts = ["--chart", "/charts", "--catalog", "/charts/catalog.yaml"]
    arguments = ["fix", "--namespace", PUBLISHING, *charts, "--as", "deputy", "--exit-zero"]
    body["spec"]["template"]["spec"]["containers"][0]["args"] = arguments
    kubectl("create", "-f", "-", input=json.dumps(body))
    finished(operator, FIXER, "plan-as")
    log = operator.run(f"kubectl logs job/plan-as -n {FIXER}")
    assert f"helm-upgrade:{PUBLISHING}/connect" in log
    assert "was not tried" not in log
    by_helm = [event for event in asked("deputy") if event["userAgent"].startswith("Helm/")]
    assert by_helm
    assert {event["user"]["username"] for event in by_helm} == {f"system:serviceaccount:{account}"}
    kubectl("delete", "clusterrole/deputise", "clusterrolebinding/deputise", "clusterrolebinding/deputy")
    kubectl("delete", "job", "plan-as", "-n", FIXER)


def test_all_of_it_can_be_removed(operator: Operator, kubectl: Run) -> None:
    operator.run("kubectl delete -k manifests/namespaced")
    operator.follow("Remove it")
    everywhere = kubectl("get", "cronjobs,networkpolicies", "-A", "-o", "name")
    assert "posit-audit" not in everywhere


def test_every_section_of_the_page_was_followed(operator: Operator) -> None:
    assert sections()
    assert operator.left == {}
