"""How the server of Connect starts and what it may do."""

from __future__ import annotations

import pytest

from tests.stand_in.rendering import (
    DIRECT,
    LAUNCHER,
    LOCAL,
    NAMESPACE,
    STORAGE,
    Helm,
    Values,
    container_of,
    mounts_of,
    only,
    pod_of,
)


def test_start_of_the_old_server_with_launcher(helm: Helm) -> None:
    container = container_of(helm.template("rstudio-connect", "0.7.4", LAUNCHER))
    assert container["command"] == ["tini", "-s", "--"]
    assert container["args"] == ["/scripts/prestart.bash", "/usr/local/bin/startup.sh"]
    assert container["securityContext"] == {"privileged": True}


def test_start_of_the_new_server(helm: Helm) -> None:
    manifests = helm.template("rstudio-connect", "0.21.0", DIRECT)
    container = container_of(manifests)
    assert "command" not in container
    assert "securityContext" not in container
    assert container["args"] == ["/scripts/prestart.bash", "/usr/local/bin/startup.sh"]
    assert mounts_of(manifests) == {
        "/etc/rstudio-connect/rstudio-connect.gcfg": "rstudio-connect-config",
        "/etc/rstudio-connect/job.yaml": "rstudio-connect-config",
        "/scripts/": "rstudio-connect-prestart",
        "/var/lib/rstudio-connect": "rstudio-connect-data",
    }


@pytest.mark.parametrize(("values", "without"), [({"securityContext": None}, True), ({"securityContext": {}}, False)])
def test_only_null_removes_privileged_from_the_old_chart(helm: Helm, values: Values, without: bool) -> None:
    container = container_of(helm.template("rstudio-connect", "0.7.4", values))
    assert ("securityContext" not in container) is without


@pytest.mark.parametrize(
    ("version", "values", "account"),
    [
        ("0.7.4", LOCAL, ""),
        ("0.7.4", LAUNCHER | {"rbac": {"serviceAccount": {"name": "mine"}}}, "rel-rstudio-connect"),
        ("0.7.4", LOCAL | {"rbac": {"serviceAccount": {"name": "mine"}}}, "mine"),
        ("0.21.0", DIRECT, "rel-rstudio-connect"),
        ("0.21.0", DIRECT | {"rbac": {"serviceAccount": {"name": "mine"}}}, "mine"),
        ("0.21.0", DIRECT | {"rbac": {"create": False}}, ""),
    ],
)
def test_account(helm: Helm, version: str, values: Values, account: str) -> None:
    manifests = helm.template("rstudio-connect", version, values)
    assert pod_of(manifests)["spec"]["serviceAccountName"] == account


def test_content_namespace_gets_the_role_but_not_the_account(helm: Helm) -> None:
    values = STORAGE | {"backends": {"kubernetes": {"namespace": "jobs"}}}
    manifests = helm.template("rstudio-connect", "0.21.0", values)
    assert only(manifests, "Role")["metadata"]["namespace"] == "jobs"
    assert only(manifests, "RoleBinding")["subjects"][0]["namespace"] == NAMESPACE
    assert only(manifests, "ServiceAccount")["metadata"]["namespace"] == NAMESPACE
    assert only(manifests, "PersistentVolumeClaim")["metadata"]["namespace"] == NAMESPACE


@pytest.mark.parametrize(
    ("values", "verbs"),
    [
        (DIRECT, None),
        (DIRECT | {"rbac": {"clusterRoleCreate": True}}, ["get"]),
        (
            STORAGE | {"backends": {"kubernetes": {"defaultResourceServiceBase": {"spec": {"type": "NodePort"}}}}},
            ["get"],
        ),
        (LAUNCHER | {"rbac": {"clusterRoleCreate": True}}, ["get", "list", "watch"]),
    ],
)
def test_cluster_role(helm: Helm, values: Values, verbs: list[str] | None) -> None:
    manifests = helm.template("rstudio-connect", "0.21.0", values)
    roles = [m["rules"][0]["verbs"] for m in manifests if m["kind"] == "ClusterRole"]
    assert roles == ([verbs] if verbs else [])


def test_roles_tell_the_runners_apart(helm: Helm) -> None:
    def rules(values: Values) -> dict[str, set[str]]:
        granted = only(helm.template("rstudio-connect", "0.21.0", values), "Role")["rules"]
        return {resource: set(rule["verbs"]) for rule in granted for resource in rule["resources"]}

    direct, launcher = rules(DIRECT), rules(LAUNCHER)
    assert direct["pods"] == {"get", "list", "watch"}
    assert direct["endpointslices"] == {"list", "watch"}
    assert "delete" not in direct["services"]
    assert "patch" in launcher["pods/exec"]
    assert "endpointslices" not in launcher
