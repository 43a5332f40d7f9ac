"""Each guard speaks up for its reason and keeps silent otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.apply import guards
from auditor.catalog import load
from auditor.model.action import Placement
from auditor.model.helm import HelmStatus
from auditor.model.snapshot import ReleaseRef
from tests.builders import helm_record
from tests.steps import label, ownership

RELEASE = ReleaseRef("posit", "pm")


def deployment(container: str, account: str | None) -> dict[str, Any]:
    spec = {"containers": [{"name": container}], **({"serviceAccountName": account} if account is not None else {})}
    return {"metadata": {"name": "d"}, "spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("container", "account", "labelled", "refused"),
    [
        ("connect", "connect", "connect", True),
        ("connect", "connect", "content", False),
        ("web", "connect", "connect", False),
        ("connect", None, "default", True),
        ("connect", "", "default", True),
    ],
)
def test_the_servers_own_account(container: str, account: str | None, labelled: str, refused: bool) -> None:
    assert bool(guards.servers_own_account(label(labelled), [deployment(container, account)])) is refused


@pytest.mark.parametrize("status", list(HelmStatus))
def test_only_finished_releases_are_patched(status: HelmStatus) -> None:
    free = status in (HelmStatus.DEPLOYED, HelmStatus.FAILED)
    assert bool(guards.helm_at_work(RELEASE, helm_record(status=status))) is not free


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({"labels": {"helm.toolkit.fluxcd.io/name": "pm"}}, "Flux"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "pm:/Service:posit/pm"}}, "Argo CD"),
        ({"labels": {"argocd.argoproj.io/instance": "pm"}}, "Argo CD"),
        ({"labels": {"app.kubernetes.io/instance": "pm"}, "annotations": None}, ""),
    ],
)
def test_what_a_repository_owns_is_changed_there(metadata: dict[str, Any], tool: str) -> None:
    said = guards.owned_by_git(RELEASE, [{"metadata": metadata}])
    assert tool in said if tool else not said


def claim(*modes: str) -> dict[str, Any]:
    return {"spec": {"accessModes": list(modes)}}


def pod(node: str, claim_name: str = "rstudio-pm-shared-storage", phase: str = "Running") -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}, {"name": "x", "emptyDir": {}}]
    return {
        "metadata": {"name": f"pod-{node}"},
        "spec": {"nodeName": node, "volumes": volumes},
        "status": {"phase": phase},
    }


OURS = pod("two")
OURS["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "posit-audit"}


@pytest.mark.parametrize(
    ("claim_", "pods", "says"),
    [
        (claim("ReadWriteOnce"), [pod("one")], ""),
        (claim("ReadWriteOnce"), [pod("two")], "used on node two now"),
        (claim("ReadWriteOnce"), [pod("one"), pod("two")], "several nodes (one, two)"),
        (claim("ReadWriteOnce"), [pod("two", phase="Succeeded")], ""),
        (claim("ReadWriteOnce"), [pod("two", "another")], ""),
        (claim("ReadWriteOnce"), [OURS], ""),
        (claim("ReadWriteMany"), [pod("one"), pod("two")], ""),
        (claim("ReadWriteOncePod"), [pod("one")], "Scale the workload to zero"),
        (claim("ReadWriteOncePod"), [], ""),
    ],
)
def test_a_claim_for_one_node(claim_: dict[str, Any], pods: list[dict[str, Any]], says: str) -> None:
    said = guards.another_node(ownership(placement=Placement(image="i", node="one")), claim_, pods)
    assert says in said if says else not said


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ({"csi": {"driver": "smb.csi.k8s.io", "volumeHandle": "x"}}, True),
        ({"csi": {"driver": "nfs.csi.k8s.io", "volumeHandle": "x"}}, False),
        ({"csi": {"driver": "nobody.knows.it", "volumeHandle": "x"}}, False),
        ({"hostPath": {"path": "/x"}}, False),
    ],
)
def test_storage_that_knows_no_owners(spec: dict[str, Any], refused: bool) -> None:
    volume = {"metadata": {"name": "pv"}, "spec": {"accessModes": ["ReadWriteMany"], **spec}}
    assert bool(guards.pointless_storage(load().storage(volume))) is refused


@pytest.mark.parametrize(("level", "refused"), [("restricted", True), ("baseline", False), (None, False)])
def test_pod_security_of_the_namespace(level: str | None, refused: bool) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level} if level else None
    said = guards.pod_security({"metadata": {"name": "posit", "labels": labels}})
    assert ("Two ways out" in said) is refused
