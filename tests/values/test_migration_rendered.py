"""Migrated values through real Helm: they render, and content runs as the Launcher would have run it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from auditor.catalog import Chart
from auditor.values.document import Document
from auditor.values.migration import migrate, migrate_values
from tests.launcher_job import PLAIN_CONTENT, launcher_object
from tests.stand_in.rendering import Helm, Refused, only
from tests.values.strategies import VALUES

OLD, NEW = "0.7.4", "0.21.0"

POD: dict[str, Any] = {
    "labels": {"app.example.com/content": "true"},
    "annotations": {"app.example.com/tier": "compute"},
    "nodeSelector": {"workload": "content"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}},
    "defaultSecurityContext": {"fsGroup": 1, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "securityContext": {"fsGroup": 999, "runAsUser": 999, "runAsGroup": 999, "runAsNonRoot": False},
    "serviceAccountName": "content",
    "imagePullSecrets": [{"name": "regcred"}],
    "priorityClassName": "high",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
    "volumes": [{"name": "extra", "configMap": {"name": "content"}}],
    "volumeMounts": [{"name": "extra", "mountPath": "/etc/content"}],
    "initContainers": [{"name": "wait", "image": "busybox:1"}],
    "extraContainers": [{"name": "logs", "image": "fluent:1"}],
    "env": [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "4Gi"}},
    "imagePullPolicy": "Always",
    "containerSecurityContext": {"allowPrivilegeEscalation": False, "runAsUser": 1},
}
LAUNCHER: dict[str, Any] = {
    "sharedStorage": {"create": True, "mount": True},
    "launcher": {
        "enabled": True,
        "useTemplates": True,
        "templateValues": {
            "job": {"labels": {"team": "a"}, "annotations": {"b": "c"}},
            "pod": POD,
            "service": {"labels": {"s": "t"}, "annotations": {"u": "v"}, "type": "NodePort"},
        },
    },
}


def _launcher_side(helm: Helm, values: dict[str, Any], version: str, kind: str = "job") -> dict[str, Any]:
    if version == NEW:
        values = values | {"backends": {"kubernetes": {"enabled": False}}}
    templates = only(helm.template("rstudio-connect", version, values), "ConfigMap", "-templates")["data"]
    # Charts before 0.8.24 applied pod.securityContext only to content with supplemental groups.
    container = PLAIN_CONTENT["container"] | {"supplementalGroupIds": [7]}
    return launcher_object(templates, PLAIN_CONTENT | {"container": container}, kind)


def _direct_side(helm: Helm, values: dict[str, Any], chart: Chart, version: str) -> dict[str, Any]:
    migrated, notes = migrate_values(values, chart, from_version=version, to_version=NEW)
    assert not [note for note in notes if note.needs_decision]
    data: dict[str, Any] = only(helm.template("rstudio-connect", NEW, migrated), "ConfigMap", "-config")["data"]
    return data


@pytest.mark.parametrize("version", [OLD, NEW])
def test_content_runs_as_the_launcher_would_have_run_it(helm: Helm, connect: Chart, version: str) -> None:
    """Field by field; what differs is named here and in docs/migration.md."""
    before = _launcher_side(helm, LAUNCHER, version)
    after = yaml.safe_load(_direct_side(helm, LAUNCHER, connect, version)["job.yaml"])
    labels = before["metadata"]["labels"]
    assert {
        key: labels[key] for key in labels if key not in {"app.kubernetes.io/managed-by", "launcher-instance-id"}
    } == (after["metadata"]["labels"])
    assert before["metadata"]["annotations"] == after["metadata"]["annotations"]
    old, new = before["spec"]["template"], after["spec"]["template"]
    assert old["metadata"]["labels"] == new["metadata"]["labels"]
    assert old["metadata"]["annotations"] == new["metadata"]["annotations"]
    _same_pod(old["spec"], new["spec"], version)


def _same_pod(old: dict[str, Any], new: dict[str, Any], version: str) -> None:
    # The Launcher's template says Never and no service links; in the direct runner Connect says what the Job needs.
    assert old.pop("restartPolicy") == "Never"
    old.pop("enableServiceLinks", None)
    if version == OLD:  # charts before 0.7.7 did not read them
        assert new.pop("hostAliases") == POD["hostAliases"]
    fields = {"volumes", "initContainers", "containers", "securityContext"}
    assert {key: old[key] for key in old.keys() - fields} == {key: new[key] for key in new.keys() - fields}
    run_as = {"runAsUser", "runAsGroup", "supplementalGroups"}
    assert {k: v for k, v in old.get("securityContext", {}).items() if k not in run_as} == new["securityContext"]
    # The runtime volume stays the last one; its source was misspelled and so meant the same empty directory.
    assert old["volumes"][:-1] == new["volumes"][:-1]
    assert old["volumes"][-1]["name"] == new["volumes"][-1]["name"] == "rsc-volume"
    assert old["initContainers"][:-1] == new["initContainers"][:-1]
    content, *others = old["containers"]
    assert others == new["containers"][:-1]
    _same_container(content, new["containers"][-1], version)


def _same_container(old: dict[str, Any], new: dict[str, Any], version: str) -> None:
    assert (old["name"], new["name"]) == ("rs-launcher-container", "connect-content")
    assert old["imagePullPolicy"] == new["imagePullPolicy"]
    assert old["env"] == new["env"]
    if version == NEW:  # charts before 0.7.19 did not read templateValues.pod.resources
        assert old["resources"] == new["resources"]
    context = {key: value for key, value in old["securityContext"].items() if key != "runAsUser"}
    assert context == new["securityContext"]
    runtime = [mount for mount in new["volumeMounts"] if mount["name"] == "rsc-volume"]
    assert [mount["mountPath"] for mount in runtime] == ["/opt/rstudio-connect-runtime"]
    own = [mount for mount in old["volumeMounts"] if mount["name"] != "rsc-volume"]
    assert own == [mount for mount in new["volumeMounts"] if mount["name"] != "rsc-volume"]


def test_services_of_content_are_what_the_launcher_made(helm: Helm, connect: Chart) -> None:
    before = _launcher_side(helm, LAUNCHER, OLD, "service")
    after = yaml.safe_load(_direct_side(helm, LAUNCHER, connect, OLD)["service.yaml"])
    assert before["spec"]["type"] == after["spec"]["type"] == "NodePort"
    assert after["metadata"]["labels"].items() <= before["metadata"]["labels"].items()
    assert after["metadata"]["annotations"].items() <= before["metadata"]["annotations"].items()


REFUSED: dict[str, dict[str, Any]] = {
    "launcher on": {"launcher": {"enabled": True}},
    "tag prefix": {"image": {"tagPrefix": "jammy-"}},
    "init tag prefix": {"launcher": {"enabled": True, "defaultInitContainer": {"tagPrefix": "jammy-"}}},
    "init tag prefix, launcher off": {"launcher": {"defaultInitContainer": {"tagPrefix": "jammy-"}}},
    "runner's tag prefix": {"backends": {"kubernetes": {"defaultInitContainer": {"tagPrefix": "jammy-"}}}},
    "old init container": {"launcher": {"enabled": True, "contentInitContainer": {"repository": "a/b", "tag": "1"}}},
    "runtime list": {"launcher": {"enabled": True, "customRuntimeYaml": {"images": [{"name": "a:1"}]}}},
    "named runtime list": {"launcher": {"enabled": False, "customRuntimeYaml": "pro"}, "backends": {"kubernetes": {}}},
    "runtime text": {"launcher": {"enabled": True, "customRuntimeYaml": "name: K\nimages: []\n"}},
    "more images": {"launcher": {"enabled": True, "additionalRuntimeImages": [{"name": "a:1"}]}},
    "pod account": {"pod": {"serviceAccountName": "connect"}},
    "pod selector": {"pod": {"nodeSelector": {"a": "b"}}},
    "namespace in config": {"config": {"Kubernetes": {"Namespace": "content"}}},
    "runner off in config": {"config": {"Kubernetes": {"Enabled": False}}},
    "data directory on a host": {"config": {"Launcher": {"DataDir": "nfs:/data"}}},
    "mount over the installation": {
        "launcher": {
            "enabled": True,
            "templateValues": {"pod": {"volumeMounts": [{"name": "x", "mountPath": "/opt/rstudio-connect"}]}},
        }
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_values_that_the_newest_chart_refuses_render_after_migration(helm: Helm, connect: Chart, name: str) -> None:
    values = {"sharedStorage": {"create": True}} | REFUSED[name]
    if name != "mount over the installation":  # the Launcher itself still accepted that
        with pytest.raises(Refused):
            helm.template("rstudio-connect", NEW, values)
    migrated, _ = migrate_values(values, connect)
    helm.template("rstudio-connect", NEW, migrated)


PM_REFUSED: dict[str, dict[str, Any]] = {
    "tag prefix": {"image": {"tagPrefix": "jammy-"}},
    "root": {"config": {"Launcher": {"ServerUser": "root", "AdminGroup": "root"}}},
}


@pytest.mark.parametrize("name", PM_REFUSED)
def test_package_manager_values_that_are_refused_render_after_migration(
    helm: Helm, package_manager: Chart, name: str
) -> None:
    with pytest.raises(Refused):
        helm.template("rstudio-pm", "0.20.4", PM_REFUSED[name])
    migrated, _ = migrate_values(PM_REFUSED[name], package_manager)
    helm.template("rstudio-pm", "0.20.4", migrated)


@settings(max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True)
@given(values=VALUES)
def test_what_is_claimed_to_be_migrated_renders(helm: Helm, connect: Chart, values: dict[str, Any]) -> None:
    """Without an open question Helm must render; where it does not, a question must be open."""
    migrated, notes = migrate_values(values, connect)
    try:
        helm.template("rstudio-connect", NEW, migrated)
    except Refused:
        assert [note for note in notes if note.needs_decision]


def test_text_that_was_edited_is_what_helm_reads(helm: Helm, connect: Chart) -> None:
    """Not only the plain values: the file itself, with comments, anchors and quotes, is given to Helm."""
    text = (
        "# ours\nsharedStorage: {create: true}\nlauncher:\n  enabled: yes # on\n  templateValues:\n    pod:\n"
        "      env: &env\n      - {name: 'Y', value: 'y'} # quoted\n      labels: {a: \"08\"}\n"
        "      initContainers:\n      - name: i\n        env: *env\n"
    )
    result = migrate([Document.parse(text)], connect)
    assert result.exit_code == 0
    path = helm.home / "edited.yaml"
    path.write_text(result.documents[0].text())
    archive = helm.repository.archive("rstudio-connect", NEW)
    shown = helm.run("template", "rel", archive, "--values", path, "--show-only", "templates/configmap.yaml")
    job = yaml.safe_load(next(yaml.safe_load_all(shown))["data"]["job.yaml"])["spec"]["template"]
    assert job["metadata"]["labels"] == {"a": "08"}
    assert (
        job["spec"]["containers"][0]["env"] == job["spec"]["initContainers"][0]["env"] == [{"name": "Y", "value": "y"}]
    )
