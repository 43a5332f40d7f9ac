"""The main job on a real cluster, run as an admin runs it: scan, plan, apply, prove, take back.

The tests of this module share one estate and run in their order; each says what it leaves for the next.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.inventory import DISCOVERY_ACCESS, FACET_ACCESS
from auditor.model.product import CONTENT_ACCOUNT_LABEL as LABEL
from tests import without_posix
from tests.chart_repository import ChartRepository
from tests.cluster.program import PositAudit
from tests.estate import CANARIES, CONTENT, DASHBOARDS, FILES, LEGACY, PACKAGES, PLANTED, PUBLISHING, Estate

pytestmark = pytest.mark.cluster

Audit = Callable[[str], list[dict[str, Any]]]
ENTRIES = FILES + 24
"""With the folders and the license activation that lie among them."""
READING = {"get", "list", "watch"}


def failed(findings: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(f["release"]["namespace"], f["release"]["name"], f["rule"]) for f in findings if f["result"] == "failed"}


@pytest.fixture(scope="module")
def posit_audit(
    estate: Estate, cluster_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> PositAudit:
    return PositAudit(cluster_environment, tmp_path_factory.mktemp("posit-audit"))


@pytest.fixture
def ours(audit_events: Audit) -> Callable[[], list[dict[str, Any]]]:
    """What posit-audit asked of the API server since the test began."""
    before = len(audit_events("posit-audit/"))

    def since() -> list[dict[str, Any]]:
        return [event for event in audit_events("posit-audit/")[before:] if event["stage"] == "ResponseComplete"]

    return since


def test_scan_finds_every_planted_fault_and_no_other(posit_audit: PositAudit) -> None:
    findings = posit_audit.findings()
    assert failed(findings) == PLANTED
    assert not [f for f in findings if f["result"] == "unknown"]


def test_scan_ends_with_two_where_something_is_wrong(posit_audit: PositAudit) -> None:
    assert "runs-as-root" in posit_audit("scan", expect=2)
    posit_audit("scan", "-n", LEGACY, "--rule", "claim-missing", expect=0)


def test_scan_and_plan_send_nothing_that_changes_anything(
    posit_audit: PositAudit, ours: Callable[[], list[dict[str, Any]]]
) -> None:
    posit_audit("scan", expect=2)
    events = ours()
    assert len(events) > 20
    assert {event["verb"] for event in events} <= READING
    assert {event["objectRef"].get("subresource") for event in events} <= {None, "exec"}


def test_a_plan_tries_its_steps_with_dry_runs_alone(
    posit_audit: PositAudit, ours: Callable[[], list[dict[str, Any]]]
) -> None:
    posit_audit("fix", expect=2)
    writing = [event for event in ours() if event["verb"] not in READING]
    tried = [event for event in writing if not event["objectRef"]["resource"].endswith("reviews")]
    assert {event["objectRef"]["resource"] for event in tried} == {"serviceaccounts", "configmaps", "jobs", "pods"}
    assert [event["requestURI"] for event in tried if "dryRun=All" not in event["requestURI"]] == []
    assert "helm-upgrade:publishing/connect was not tried on the server: The chart" in posit_audit.printed


def test_no_list_asks_for_whole_secrets(posit_audit: PositAudit, ours: Callable[[], list[dict[str, Any]]]) -> None:
    """Other people's Secrets are not fetched: the only whole ones are single gets in the releases' namespaces."""
    posit_audit("scan", expect=2)
    got = [e["objectRef"] for e in ours() if e["objectRef"]["resource"] == "secrets" and e["verb"] == "get"]
    namespaces = {namespace for namespace, _, _ in PLANTED}
    assert got
    assert {ref["namespace"] for ref in got} <= namespaces


def test_scan_needs_no_right_to_write(posit_audit: PositAudit, kubectl: Callable[..., str]) -> None:
    """The declared accesses are all that scan needs: under them it sees what an administrator sees. From 1.35 on,
    the API server asks for `create` on pods/exec if a command is run in a pod."""
    grants = {access for facet in FACET_ACCESS.values() for access in facet} | set(DISCOVERY_ACCESS)
    rules = [
        {
            "apiGroups": [access.resource.group],
            "resources": [f"{access.resource.plural}/{access.subresource}".rstrip("/")],
            "verbs": list(access.verbs),
        }
        for access in grants
    ]
    writing = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]} - {
        (resource, verb) for rule in rules for resource in rule["resources"] for verb in READING
    }
    assert writing == {("pods/exec", "create")}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "only-look"},
        "rules": rules,
    }
    kubectl("apply", "-f", "-", input=json.dumps(role))
    kubectl("create", "serviceaccount", "looker", "-n", LEGACY)
    kubectl("create", "clusterrolebinding", "only-look", "--clusterrole=only-look", f"--serviceaccount={LEGACY}:looker")
    findings = posit_audit.findings("--as", f"system:serviceaccount:{LEGACY}:looker")
    assert failed(findings) == PLANTED
    assert not [f for f in findings if f["result"] == "unknown"]
    looker = f"system:serviceaccount:{LEGACY}:looker"
    plans = [json.loads(posit_audit("fix", "-o", "json", *who, expect=2)) for who in ((), ("--as", looker))]
    assert plans[0]["steps"] == plans[1]["steps"]
    said = f"{looker}' may not patch serviceaccounts in namespace {CONTENT}"
    assert said in posit_audit.printed


def test_without_rights_it_could_not_do_its_work(posit_audit: PositAudit, kubectl: Callable[..., str]) -> None:
    posit_audit("scan", "--as", f"system:serviceaccount:{PACKAGES}:default", expect=1)


def test_a_changed_cluster_needs_a_yes(posit_audit: PositAudit) -> None:
    posit_audit("fix", "--apply", expect=1)


def test_without_the_chart_the_patched_values_are_left_for_a_person(posit_audit: PositAudit, estate: Estate) -> None:
    before = estate.helm("history", "connect", "-n", PUBLISHING, "-o", "json")
    posit_audit("fix", "--apply", "--yes", "-n", PUBLISHING, expect=2)
    file = posit_audit.folder / "posit-audit-publishing-connect-values.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secretKey: rstudio-connect.lic" in file.read_text()
    file.unlink()
    assert estate.helm("history", "connect", "-n", PUBLISHING, "-o", "json") == before
    posit_audit("undo", "--yes", expect=0)  # the label, which needs no chart
    assert failed(posit_audit.findings()) == PLANTED


def test_a_plan_can_be_taken_in_parts(posit_audit: PositAudit) -> None:
    def steps(*arguments: str) -> list[str]:
        plan = json.loads(posit_audit("fix", "-o", "json", *arguments, expect=2))
        return [step["id"] for step in plan["steps"]]

    every = steps()
    label, own = f"label-service-account:{CONTENT}/analyst", next(id_ for id_ in every if id_.startswith("change-"))
    assert steps("--only", label) == [label]
    assert steps("--skip", label) == [id_ for id_ in every if id_ != label]
    assert steps("--only", "root-license-activations", "--only", label) == [label, own]
    assert {id_.partition(":")[0] for id_ in steps("--only", f"{PUBLISHING}/connect")} == {
        "label-service-account",
        "helm-upgrade",
    }
    assert f"     id          {label}" in posit_audit("fix", expect=2)
    posit_audit("fix", "--only", "dashbords/dash", expect=1)
    assert "no step, rule or release 'dashbords/dash' to take" in posit_audit.printed
    posit_audit("fix", "--rule", "root-license-activations", expect=1)
    assert "--only root-license-activations" in posit_audit.printed


def test_a_fix_and_its_undo_where_there_is_no_posix(
    posit_audit: PositAudit, kubectl: Callable[..., str], tmp_path: Path
) -> None:
    """As on Windows. Leaves everything as it was."""
    without = PositAudit(posit_audit.environment, tmp_path, program=[without_posix.__file__])
    only = ("-n", DASHBOARDS, "--only", f"label-service-account:{CONTENT}/analyst")
    without("fix", *only, "--out", "plan.json", "--apply", "--yes", expect=2)
    assert labelled(kubectl, "analyst") == "true"
    without("undo", "--yes", expect=0)
    assert labelled(kubectl, "analyst") == ""


@pytest.fixture
def guarded(kubectl: Callable[..., str]) -> Iterator[Callable[[], None]]:
    """Called, a policy of the cluster refuses the label on the account `analyst`."""
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-label"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["serviceaccounts"],
                        "resourceNames": ["analyst"],
                    }
                ]
            },
            "validations": [
                {"expression": f"!('{LABEL}' in object.metadata.?labels.orValue({{}}))", "message": "Not by hand."}
            ],
        },
    }
    binding = {
        "apiVersion": policy["apiVersion"],
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-label"},
        "spec": {"policyName": "no-label", "validationActions": ["Deny"]},
    }
    trying = ("label", "serviceaccount", "analyst", "-n", CONTENT, f"{LABEL}=true", "--dry-run=server")

    def guard() -> None:
        for body in (policy, binding):
            kubectl("create", "-f", "-", input=json.dumps(body))
        until(lambda: "Not by hand" in kubectl(*trying, check=False))

    yield guard
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        kubectl("delete", kind, "no-label", "--ignore-not-found")
    until(lambda: "Not by hand" not in kubectl(*trying, check=False))


def until(reached: Callable[[], bool]) -> None:
    """The API server takes up a policy within seconds."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "The policy was not taken up within 60 seconds."
        time.sleep(0.5)


def test_what_the_server_would_refuse_is_held_and_the_rest_is_done(
    posit_audit: PositAudit, guarded: Callable[[], None], kubectl: Callable[..., str]
) -> None:
    """First a plan that was made before the policy: its refusal says how the rest is applied, and that works as it is
    printed. Then a new plan, which knows. Leaves everything as it was."""
    refused = f"label-service-account:{CONTENT}/analyst"
    chosen = ("--only", "content-service-account-unlabelled")
    plan = str(posit_audit.folder / "before.json")
    posit_audit("fix", *chosen, "--out", plan, expect=2)
    guarded()
    posit_audit("fix", "--apply", "--yes", "--plan", plan, expect=1)
    said = posit_audit.printed[posit_audit.printed.rindex("The plan can't be applied") :]
    assert "ValidatingAdmissionPolicy no-label; its message is withheld" in said
    command = shlex.split(said.partition("The rest can be applied with:\n")[2].splitlines()[0])
    assert command[:2] == ["posit-audit", "fix"]
    assert command[-2:] == ["--skip", refused]
    assert f"done  {refused}" not in posit_audit(*command[1:], expect=2)
    assert labelled(kubectl, "default") == "true"
    assert labelled(kubectl, "analyst") == ""
    posit_audit("undo", "--yes", expect=0)
    assert labelled(kubectl, "default") == ""

    told = json.loads(posit_audit("fix", *chosen, "--apply", "--yes", "-o", "json", expect=2))
    (held,) = [held for held in told["plan"]["held"] if held["step"]]
    assert (held["step"], held["object"]["name"]) == (refused, "analyst")
    assert "ValidatingAdmissionPolicy no-label; its message is withheld" in held["reason"]
    assert {outcome["state"] for outcome in told["outcomes"]} == {"done"}
    assert refused not in {outcome["step"] for outcome in told["outcomes"]}
    assert labelled(kubectl, "default") == "true"
    posit_audit("undo", "--yes", expect=0)
    assert failed(posit_audit.findings()) == PLANTED


def labelled(kubectl: Callable[..., str], account: str) -> str:
    found = json.loads(kubectl("get", "serviceaccount", account, "-n", CONTENT, "-o", "json"))
    return str((found["metadata"].get("labels") or {}).get(LABEL, ""))


def test_apply_does_the_plan_and_proves_it(posit_audit: PositAudit, estate: Estate, charts: ChartRepository) -> None:
    """Leaves the estate repaired."""
    before = estate.owners()
    assert f"{ENTRIES} 0:0" in before
    plan = str(posit_audit.folder / "plan.json")
    posit_audit("fix", "--out", plan, *charts.flags, expect=2)
    arguments = ("fix", "--apply", "--yes", *charts.flags, "-o", "json")
    told = json.loads(posit_audit(*arguments, "--plan", plan, expect=0))
    assert told["plan"] == json.loads(Path(plan).read_text())
    assert {outcome["state"] for outcome in told["outcomes"]} == {"done"}
    assert told["verdicts"]
    assert all(verdict["mended"] for verdict in told["verdicts"])
    owners = estate.owners()
    assert f"{ENTRIES} 999:999" in owners
    assert " 0:0" not in owners
    values = json.loads(estate.helm("get", "values", "connect", "-n", PUBLISHING, "-o", "json"))
    assert values["license"]["file"] == {"secret": "connect-license", "secretKey": "rstudio-connect.lic"}
    assert values["config"]["Postgres"]["Password"] == CANARIES["database password"]


def test_what_is_left_needs_a_person(posit_audit: PositAudit) -> None:
    left = [f for f in posit_audit.findings() if f["result"] == "failed"]
    assert left
    assert not [f for f in left if (f["fix"] or {}).get("actions") and f["fix"]["safe"]]


def test_a_second_fix_plans_nothing(
    posit_audit: PositAudit, charts: ChartRepository, ours: Callable[[], list[dict[str, Any]]]
) -> None:
    assert "0 steps planned" in posit_audit("fix", "--apply", "--yes", *charts.flags, expect=0)
    assert {event["verb"] for event in ours()} <= READING


def test_undo_takes_everything_back(posit_audit: PositAudit, estate: Estate) -> None:
    """Leaves the estate as it was built."""
    posit_audit("undo", "--yes", expect=0)
    assert failed(posit_audit.findings()) == PLANTED
    assert f"{ENTRIES} 0:0" in estate.owners()
    again = posit_audit("undo", "--yes", expect=0)
    assert "is left to take back" in again


def test_connects_data_is_given_to_content_only_where_that_is_asked_for(
    posit_audit: PositAudit, kubectl: Callable[..., str]
) -> None:
    """The content itself is asked whether it can read. Leaves everything as it was."""

    def bundle() -> str:
        script = "stat -c %u:%g /opt/content; cat /opt/content/app.R 2>&1 || true"
        return kubectl("exec", "-n", PUBLISHING, "job/launched-report", "--", "bash", "-c", script).strip()

    chosen = ("-n", PUBLISHING, "--only", "content-data-inaccessible")
    unasked = posit_audit("fix", "--apply", "--yes", *chosen, expect=2)  # what else is wrong there is left out
    assert "--unsafe" in unasked
    assert "0 steps planned" in unasked
    assert bundle().startswith("0:0\ncat: /opt/content/app.R: Permission denied")

    told = posit_audit("fix", "--apply", "--yes", "--unsafe", *chosen, expect=2)
    assert "change-ownership:publishing/connect-rstudio-connect-shared-storage:apps/17/3: 2 entries given" in told
    assert bundle() == "999:999\nx"
    assert failed(posit_audit.findings("-n", PUBLISHING, "--rule", "content-data-inaccessible")) == set()

    posit_audit("undo", "--yes", expect=0)
    assert bundle().startswith("0:0\ncat:")


def test_nothing_that_was_printed_or_kept_holds_a_secret(posit_audit: PositAudit, repository: str) -> None:
    for arguments in (("-vv", "scan"), ("-vv", "--log-format", "json", "scan", "-o", "json"), ("-vv", "fix")):
        posit_audit(*arguments, expect=2)
    kept = [file for file in posit_audit.folder.rglob("*") if file.is_file()]
    assert kept, "the journals of the tests before"
    everything = posit_audit.printed + "".join(file.read_text(errors="replace") for file in kept)
    assert len(everything) > 10_000
    assert [where for where, canary in CANARIES.items() if canary in everything] == []
