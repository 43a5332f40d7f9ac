"""What content of Connect starts from, with the direct runner and with the Launcher."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.launcher_job import PLAIN_CONTENT, launcher_object, template_values
from tests.stand_in.rendering import LAUNCHER, STORAGE, Helm, gcfg, mounts_of, only


def test_job_base_keeps_what_the_user_gave_in_front(helm: Helm) -> None:
    pod = {
        "initContainers": [{"name": "wait", "image": "busybox:1"}],
        "containers": [
            {"name": "logs", "image": "fluent:1"},
            {"name": "connect-content", "env": [{"name": "A", "value": "b"}]},
        ],
        "volumes": [{"name": "extra", "emptyDir": {}}],
    }
    base = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": pod}}}
    values = STORAGE | {"backends": {"kubernetes": {"defaultResourceJobBase": base}}}
    manifests = helm.template("rstudio-connect", "0.21.0", values)
    job = yaml.safe_load(only(manifests, "ConfigMap", "-config")["data"]["job.yaml"])
    made = job["spec"]["template"]["spec"]
    assert (job["apiVersion"], job["kind"], job["metadata"]) == ("batch/v1", "Job", base["metadata"])
    assert [container["name"] for container in made["initContainers"]] == ["wait", "connect-content-init"]
    assert made["initContainers"][1]["image"] == "posit/connect-content-init:2026.08.0"
    assert [container["name"] for container in made["containers"]] == ["logs", "connect-content"]
    runtime = {"name": "rsc-volume", "mountPath": "/opt/rstudio-connect-runtime"}
    assert made["containers"][1]["volumeMounts"] == [runtime]
    assert made["containers"][1]["env"] == [{"name": "A", "value": "b"}]
    assert made["volumes"] == [{"name": "extra", "emptyDir": {}}, {"name": "rsc-volume", "emptyDir": {}}]


def test_job_base_alone_without_the_init_container(helm: Helm) -> None:
    direct = {"defaultInitContainer": {"enabled": False}, "defaultResourceJobBase": {"spec": {"a": 1}}}
    manifests = helm.template("rstudio-connect", "0.21.0", STORAGE | {"backends": {"kubernetes": direct}})
    job = yaml.safe_load(only(manifests, "ConfigMap", "-config")["data"]["job.yaml"])
    assert job == {"apiVersion": "batch/v1", "kind": "Job", "spec": {"a": 1}}
    assert "ConnectRuntimeDir" not in gcfg(manifests)


def test_service_base(helm: Helm) -> None:
    base = {"metadata": {"labels": {"a": "b"}}, "spec": {"type": "ClusterIP"}}
    values = STORAGE | {"backends": {"kubernetes": {"defaultResourceServiceBase": base}}}
    manifests = helm.template("rstudio-connect", "0.21.0", values)
    service = yaml.safe_load(only(manifests, "ConfigMap", "-config")["data"]["service.yaml"])
    assert service == {"apiVersion": "v1", "kind": "Service"} | base
    assert mounts_of(manifests)["/etc/rstudio-connect/service.yaml"] == "rstudio-connect-config"


@pytest.mark.parametrize(
    ("version", "image", "mounts"),
    [
        (
            "0.7.4",
            "ghcr.io/rstudio/rstudio-connect-content-init:ubuntu2204-2024.06.0",
            ["/opt/rstudio-connect"],
        ),
        (
            "0.21.0",
            "posit/connect-content-init:2026.08.0",
            [f"/opt/rstudio-connect/{part}" for part in ("R", "python", "scripts", "ext")],
        ),
    ],
)
def test_launcher_gets_the_runtime_behind_the_template_values(
    helm: Helm, version: str, image: str, mounts: list[str]
) -> None:
    launcher = {"enabled": True, "templateValues": {"pod": {"volumes": [{"name": "extra"}]}}}
    values = STORAGE | {"launcher": launcher, "backends": {"kubernetes": {"enabled": False}}}
    manifests = helm.template("rstudio-connect", version, values)
    pod = template_values(only(manifests, "ConfigMap", "-templates")["data"])["pod"]
    assert pod["volumes"] == [{"name": "extra"}, {"name": "rsc-volume", "emptydir": {}}]
    assert [container["image"] for container in pod["initContainers"]] == [image]
    assert [mount["mountPath"] for mount in pod["volumeMounts"]] == mounts


def test_what_the_launcher_runs(helm: Helm) -> None:
    """The template values reach the Job, and groups decide whether the old chart reads securityContext."""
    pod = {
        "env": [{"name": "A", "value": "b"}],
        "nodeSelector": {"disk": "fast"},
        "serviceAccountName": "content",
        "extraContainers": [{"name": "logs"}],
        "defaultSecurityContext": {"fsGroup": 1, "runAsNonRoot": True},
        "securityContext": {"fsGroup": 2},
    }
    labels = {"team": "data"}
    launcher = {"enabled": True, "templateValues": {"job": {"labels": labels}, "pod": pod}}
    manifests = helm.template("rstudio-connect", "0.7.4", STORAGE | {"launcher": launcher})
    templates = only(manifests, "ConfigMap", "-templates")["data"]
    job = launcher_object(templates, PLAIN_CONTENT)
    made = job["spec"]["template"]["spec"]
    assert job["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "launcher"} | labels
    assert [container["name"] for container in made["containers"]] == ["rs-launcher-container", "logs"]
    assert made["containers"][0]["env"] == pod["env"]
    assert made["nodeSelector"] == pod["nodeSelector"]
    assert made["serviceAccountName"] == "content"
    assert made["securityContext"] == {"fsGroup": 1, "runAsNonRoot": True}
    groups = {"image": "i", "runAsUserId": 7, "supplementalGroupIds": [8]}
    made = launcher_object(templates, {**PLAIN_CONTENT, "container": groups})["spec"]["template"]["spec"]
    assert made["securityContext"] == {
        "fsGroup": 2,
        "runAsNonRoot": True,
        "runAsUser": 7,
        "supplementalGroups": [8],
    }


def test_service_of_the_launcher(helm: Helm) -> None:
    manifests = helm.template("rstudio-connect", "0.21.0", LAUNCHER)
    templates = only(manifests, "ConfigMap", "-templates")["data"]
    service = launcher_object(templates, PLAIN_CONTENT, "service")
    assert service["spec"]["type"] == "ClusterIP"
    assert service["metadata"]["labels"] == {"job-name": "content-1"}


def test_profiles_and_overrides_without_templates(helm: Helm) -> None:
    profiles = {
        "*": {"max-cpus": 2, "container-images": ["a", "b"]},
        "jane": {"job-json-overrides": [{"name": "no retry", "target": "/spec/backoffLimit", "json": 0}]},
    }
    launcher = {"enabled": True, "useTemplates": False, "launcherKubernetesProfilesConf": profiles}
    manifests = helm.template("rstudio-connect", "0.7.4", STORAGE | {"launcher": launcher})
    files = only(manifests, "ConfigMap", "-overrides")["data"]
    assert json.loads(files["noretry.json"]) == 0
    assert "defaultInitContainer.json" in files
    text = only(manifests, "ConfigMap", "-config")["data"]["launcher.kubernetes.profiles.conf"]
    everyone, jane = text.split("[jane]")
    assert "max-cpus=2" in everyone
    assert "container-images=a,b" in everyone
    assert '"/spec/backoffLimit":"/mnt/job-json-overrides/noretry.json"' in jane
    assert '"/spec/template/spec/initContainers/0":"/mnt/job-json-overrides/defaultInitContainer.json"' in jane


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ["ghcr.io/rstudio/content-base:r4.3.3-py3.11.7-ubuntu2204"]),
        ("pro", ["ghcr.io/rstudio/content-pro:r4.3.3-py3.11.7-ubuntu2204"]),
        ("images: [{name: text}]", ["text"]),
        ({"images": [{"name": "map"}]}, ["map", "more"]),
    ],
)
def test_runtime_images_of_the_old_chart(helm: Helm, value: object, names: list[str]) -> None:
    launcher: dict[str, Any] = {"enabled": True}
    if value is not None:
        launcher["customRuntimeYaml"] = value
    if isinstance(value, dict):
        launcher["additionalRuntimeImages"] = [{"name": "more"}]
    manifests = helm.template("rstudio-connect", "0.7.4", STORAGE | {"launcher": launcher})
    runtime = yaml.safe_load(only(manifests, "ConfigMap", "-config")["data"]["runtime.yaml"])
    assert [image["name"] for image in runtime["images"]] == names
