"""Who may write the configuration of a release must not get accounts of other namespaces labelled by it.

The attacker is a tenant of one namespace. There she has her own Connect, whose configuration says that its content runs
as an account of another namespace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from auditor.model.product import CONTENT_ACCOUNT_LABEL as LABEL
from scripts.generate_roles import roles
from tests.chart_repository import ChartRepository
from tests.cluster.program import PositAudit

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
ATTACKER, VICTIM, HONEST = "tenant", "victim", "honest-content"
ROBOT = "robot"
SYSTEM = "kube-system"


@pytest.fixture(scope="module")
def posit_audit(cluster_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> PositAudit:
    return PositAudit(cluster_environment, tmp_path_factory.mktemp("posit-audit"))


@pytest.fixture(scope="module")
def configured(kubectl: Run, helm: Run, charts: ChartRepository, images: list[str]) -> Iterator[Callable[[str], None]]:
    """`configured("victim")`: from now on the tenant's release says that its content runs there."""
    for namespace in (ATTACKER, VICTIM, HONEST):
        kubectl("create", "namespace", namespace)
    for namespace in (VICTIM, HONEST, SYSTEM):
        kubectl("create", "serviceaccount", ROBOT, "-n", namespace)
    archive = str(charts.archive("rstudio-connect", "0.21.0"))

    def says(namespace: str) -> None:
        pod = {"spec": {"template": {"spec": {"serviceAccountName": ROBOT}}}}
        values = {
            "rbac": {"create": False},
            "sharedStorage": {"create": True, "mount": True, "storageClassName": "local"},
            "license": {"key": "CANA-RYKE-Y000"},
            "backends": {"kubernetes": {"namespace": namespace, "defaultResourceJobBase": pod}},
        }
        helm("upgrade", "--install", "mine", archive, "-n", ATTACKER, "-f", "-", input=json.dumps(values))

    yield says
    kubectl("delete", "namespace", ATTACKER, VICTIM, HONEST, "--wait=false", check=False)
    kubectl("delete", "serviceaccount", ROBOT, "-n", SYSTEM, check=False)


@pytest.fixture
def labelled(kubectl: Run) -> Callable[[str], bool]:
    def is_so(namespace: str) -> bool:
        return LABEL in kubectl("get", "serviceaccount", ROBOT, "-n", namespace, "-o", "jsonpath={.metadata.labels}")

    return is_so


FIX = ("fix", "--apply", "--yes", "-n", ATTACKER, "--only", "content-service-account-unlabelled", "-o", "json")


def held(printed: str) -> str:
    plan = json.loads(printed)
    return " ".join(one["reason"] for one in plan.get("plan", plan)["held"])


def test_the_account_of_another_namespace_is_not_labelled(
    configured: Callable[[str], None], posit_audit: PositAudit, labelled: Callable[[str], bool]
) -> None:
    configured(VICTIM)
    said = held(posit_audit(*FIX, expect=2))
    assert not labelled(VICTIM)
    assert f"may not create jobs in namespace {VICTIM}" in said
    assert "--unsafe" in said


@pytest.mark.parametrize("flags", [(), ("--unsafe",)])
def test_the_account_of_a_system_namespace_is_never_labelled(
    flags: tuple[str, ...],
    configured: Callable[[str], None],
    posit_audit: PositAudit,
    labelled: Callable[[str], bool],
) -> None:
    configured(SYSTEM)
    said = held(posit_audit(*FIX, *flags, expect=0))
    assert not labelled(SYSTEM)
    assert f"{SYSTEM} is a namespace of Kubernetes itself" in said


def test_who_is_not_allowed_to_ask_is_held_with_the_missing_permission(
    configured: Callable[[str], None],
    posit_audit: PositAudit,
    labelled: Callable[[str], bool],
    kubectl: Run,
    tmp_path: Path,
) -> None:
    role = {**yaml.safe_load(roles()["fix/role.yaml"]), "kind": "Role"}
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["localsubjectaccessreviews"]]
    assert len(role["rules"]) < len(yaml.safe_load(roles()["fix/role.yaml"])["rules"])
    kubectl("create", "serviceaccount", "fixer", "-n", ATTACKER)
    for namespace in (ATTACKER, VICTIM):
        kubectl("create", "-f", "-", "-n", namespace, input=json.dumps(role))
        binding = ("--role=posit-audit-fix", f"--serviceaccount={ATTACKER}:fixer")
        kubectl("create", "rolebinding", "fixer", "-n", namespace, *binding)
    configured(VICTIM)
    said = held(posit_audit(*FIX, "--as", f"system:serviceaccount:{ATTACKER}:fixer", expect=2))
    assert not labelled(VICTIM)
    assert f"may not create localsubjectaccessreviews in namespace {VICTIM}" in said


def test_unsafe_labels_what_a_person_vouches_for(
    configured: Callable[[str], None], posit_audit: PositAudit, labelled: Callable[[str], bool], kubectl: Run
) -> None:
    configured(VICTIM)
    posit_audit(*FIX, "--unsafe", expect=0)
    assert labelled(VICTIM)
    posit_audit("undo", "--yes", expect=0)
    assert not labelled(VICTIM)


def test_where_the_server_may_start_content_its_account_is_labelled(
    configured: Callable[[str], None], posit_audit: PositAudit, labelled: Callable[[str], bool], kubectl: Run
) -> None:
    """As the chart grants it in content's namespace, which takes an administrator of that namespace."""
    configured(HONEST)
    account = kubectl("get", "deployments", "-n", ATTACKER, "-o", "jsonpath={..serviceAccountName}") or "default"
    kubectl("create", "role", "content", "-n", HONEST, "--verb=create,get,list", "--resource=jobs.batch")
    binding = ("--role=content", f"--serviceaccount={ATTACKER}:{account}")
    kubectl("create", "rolebinding", "content", "-n", HONEST, *binding)
    posit_audit(*FIX, expect=0)
    assert labelled(HONEST)
    posit_audit("undo", "--yes", expect=0)
