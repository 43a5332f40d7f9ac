"""Object names, labels, images and ports by chart version."""

from __future__ import annotations

import pytest

from tests.stand_in.rendering import (
    DIRECT,
    LAUNCHER,
    LOCAL,
    STORAGE,
    Helm,
    Values,
    container_of,
    inventory,
    only,
    pod_of,
)


@pytest.mark.parametrize(("version", "claim_labelled"), [("0.7.4", False), ("0.21.0", True)])
def test_connect_with_local_execution(helm: Helm, version: str, claim_labelled: bool) -> None:
    extras = {
        "license": {"key": "K", "file": {"contents": "L"}},
        "ingress": {"enabled": True, "hosts": [{"host": "a.example.com", "paths": ["/"]}]},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "serviceMonitor": {"enabled": True},
    }
    assert inventory(helm.template("rstudio-connect", version, LOCAL | extras)) == {
        "Deployment/rel-rstudio-connect": False,
        "Service/rel-rstudio-connect": True,
        "Ingress/rel-rstudio-connect": True,
        "PodDisruptionBudget/rel-rstudio-connect": True,
        "ServiceMonitor/rel-rstudio-connect": True,
        "ConfigMap/rel-rstudio-connect-config": False,
        "PersistentVolumeClaim/rel-rstudio-connect-shared-storage": claim_labelled,
        "Secret/rel-rstudio-connect-license": False,
        "Secret/rel-rstudio-connect-license-file": False,
    }


@pytest.mark.parametrize(("version", "claim_labelled"), [("0.7.4", False), ("0.21.0", True)])
def test_connect_with_launcher(helm: Helm, version: str, claim_labelled: bool) -> None:
    assert inventory(helm.template("rstudio-connect", version, LAUNCHER)) == {
        "Deployment/rel-rstudio-connect": False,
        "Service/rel-rstudio-connect": True,
        "ConfigMap/rel-rstudio-connect-config": False,
        "ConfigMap/rel-rstudio-connect-prestart": False,
        "ConfigMap/rel-rstudio-connect-templates": False,
        "PersistentVolumeClaim/rel-rstudio-connect-shared-storage": claim_labelled,
        "ServiceAccount/rel-rstudio-connect": False,
        "Role/rel-rstudio-connect": False,
        "RoleBinding/rel-rstudio-connect": False,
    }


def test_connect_with_direct_runner(helm: Helm) -> None:
    extras = {
        "executionEnvironments": [{"name": "registry.example.com/content:1"}],
        "nameservice": {"enabled": True, "apiKey": "K"},
        "config": {"Authentication": {"Provider": "saml"}},
    }
    assert inventory(helm.template("rstudio-connect", "0.21.0", DIRECT | extras)) == {
        "Deployment/rel-rstudio-connect": False,
        "Service/rel-rstudio-connect": True,
        "ConfigMap/rel-rstudio-connect-config": False,
        "ConfigMap/rel-rstudio-connect-prestart": False,
        "ConfigMap/rel-rstudio-connect-execution-environments": True,
        "Secret/rel-rstudio-connect-nameservice-config": True,
        "PersistentVolumeClaim/rel-rstudio-connect-shared-storage": True,
        "ServiceAccount/rel-rstudio-connect": False,
        "Role/rel-rstudio-connect": False,
        "RoleBinding/rel-rstudio-connect": False,
    }


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ("0.3.9", {}),
        (
            "0.5.29",
            {
                "ServiceAccount/rel-rstudio-pm": True,
                "Job/rel-rstudio-pm-chown-shared-storage": True,
                "PersistentVolumeClaim/rel-rstudio-pm-shared-storage": False,
            },
        ),
        (
            "0.20.4",
            {
                "ServiceAccount/rel-rstudio-pm": True,
                "PersistentVolumeClaim/rel-rstudio-pm-shared-storage": True,
            },
        ),
    ],
)
def test_package_manager(helm: Helm, version: str, newer: dict[str, bool]) -> None:
    extras = {"license": {"key": "K"}, "awsAccessKeyId": "A", "rstudioPMKey": "R"}
    assert (
        inventory(helm.template("rstudio-pm", version, STORAGE | extras))
        == {
            "Deployment/rel-rstudio-pm": False,
            "Service/rel-rstudio-pm": True,
            "ConfigMap/rel-rstudio-pm-config": False,
            "PersistentVolumeClaim/rel-rstudio-pm-shared-storage": False,
            "Secret/rel-rstudio-pm-license": False,
            "Secret/rel-rstudio-pm-aws-creds": False,
            "Secret/rel-rstudio-pm-rstudio-pm-key": False,
        }
        | newer
    )


@pytest.mark.parametrize(
    ("release", "values", "fullname", "name"),
    [
        ("connect", {}, "connect-rstudio-connect", "rstudio-connect"),
        ("my-rstudio-connect", {}, "my-rstudio-connect", "rstudio-connect"),
        ("rel", {"nameOverride": "rsc"}, "rel-rsc", "rsc"),
        ("rsc-prod", {"nameOverride": "rsc"}, "rsc-prod", "rsc"),
        ("rel", {"fullnameOverride": "front"}, "front", "rstudio-connect"),
        ("r" * 53, {}, f"{'r' * 53}-rstudio-c", "rstudio-connect"),
    ],
)
def test_names(helm: Helm, release: str, values: Values, fullname: str, name: str) -> None:
    manifests = helm.template("rstudio-connect", "0.21.0", LOCAL | values, release=release)
    assert only(manifests, "Service")["metadata"]["name"] == fullname
    assert only(manifests, "PersistentVolumeClaim")["metadata"]["name"] == f"{fullname}-shared-storage"
    selector = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": release}
    assert only(manifests, "Deployment")["spec"]["selector"]["matchLabels"] == selector
    assert pod_of(manifests)["metadata"]["labels"] == selector


@pytest.mark.parametrize(
    ("chart", "version", "values", "image", "ports"),
    [
        ("rstudio-connect", "0.7.4", {}, "ghcr.io/rstudio/rstudio-connect:ubuntu2204-2024.06.0", [80, 3232]),
        ("rstudio-connect", "0.7.4", {"prometheus": {"legacy": True}}, None, [80, 9108]),
        ("rstudio-connect", "0.21.0", STORAGE, "posit/connect:2026.08.0-ubuntu-24.04", [80, 3232]),
        ("rstudio-connect", "0.21.0", STORAGE | {"image": {"tag": "x"}}, "posit/connect:x", [80, 3232]),
        ("rstudio-pm", "0.3.9", {}, "rstudio/rstudio-package-manager:2022.04.0-7", [80, 2112]),
        ("rstudio-pm", "0.5.29", {}, "rstudio/rstudio-package-manager:ubuntu2204-2024.04.4", [80, 2112]),
        ("rstudio-pm", "0.20.4", {}, "posit/package-manager:2026.08.0-ubuntu-24.04", [80, 2112]),
        ("rstudio-pm", "0.20.4", {"config": {"Metrics": {"Enabled": False}}}, None, [80]),
    ],
)
def test_images_and_ports(
    helm: Helm, chart: str, version: str, values: Values, image: str | None, ports: list[int]
) -> None:
    manifests = helm.template(chart, version, values)
    if image:
        assert container_of(manifests)["image"] == image
    assert container_of(manifests)["imagePullPolicy"] == "IfNotPresent"
    assert [port["port"] for port in only(manifests, "Service")["spec"]["ports"]] == ports
