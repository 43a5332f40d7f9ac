"""What the newest charts refuse is predicted, and what comes close to it is not."""

from __future__ import annotations

import json
import shutil
import tarfile
from typing import Any

import pytest
import yaml

from auditor.catalog import load
from auditor.values.lint import judge
from tests.chart_repository import SOURCES, ChartRepository
from tests.stand_in.rendering import NAMESPACE, Helm, Refused

CONNECT, PM = "rstudio-connect", "rstudio-pm"
STORAGE: dict[str, Any] = {"sharedStorage": {"create": True}}
LAUNCHER = STORAGE | {"launcher": {"enabled": True}, "backends": {"kubernetes": {"enabled": False}}}
POD = "backends.kubernetes.defaultResourceJobBase.spec.template.spec"


def _at(key: str, value: Any, base: dict[str, Any] = STORAGE) -> dict[str, Any]:
    """`base` with a value at a dotted key."""
    *parents, last = key.split(".")
    tree: dict[str, Any] = json.loads(json.dumps(base))
    branch = tree
    for parent in parents:
        branch = branch.setdefault(parent, {})
    branch[last] = value
    return tree


def _mounting(group: str, container: str, path: str | bool, volume: str = "mine") -> dict[str, Any]:
    return _at(f"{POD}.{group}", [{"name": container, "volumeMounts": [{"name": volume, "mountPath": path}]}])


def _own(image: str, base: dict[str, Any] = STORAGE) -> tuple[dict[str, Any], dict[str, Any]]:
    """A repository of one's own whose tag is built from a prefix, and the same without the prefix."""
    plain = _at(f"{image}.repository", "registry.example/images/server", base)
    return _at(f"{image}.tagPrefix", "jammy-", plain), plain


_LDAP = {"config": {"Authentication": {"Provider": "ldap"}}}
_AGENT = {"enabled": True, "serverAddress": "chronicle"}
_PROFILE = {"*": {"job-json-overrides": [{"name": "a", "json": {}, "target": "/spec"}]}}
_WHOLE = {"useTemplates": False, "enabled": True}

REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "connect-launcher-datadir-colon": (
        _at("config.Launcher.DataDir", "nfs:/x"),
        _at("config.Launcher.DataDir", "/x"),
    ),
    "connect-both-backends": (_at("launcher.enabled", True), LAUNCHER),
    "connect-config-kubernetes-enabled-off": (
        _at("config.Kubernetes.Enabled", False),
        _at("config.Kubernetes.Enabled", "no"),
    ),
    "connect-config-kubernetes-namespace-differs": (
        _at("config.Kubernetes.Namespace", "other"),
        _at("config.Kubernetes.Namespace", NAMESPACE),
    ),
    "connect-job-json-overrides-with-templates": (
        _at("launcher.launcherKubernetesProfilesConf", _PROFILE, LAUNCHER),
        _at("launcher.launcherKubernetesProfilesConf", {"*": {"max-cpus": 2}}, LAUNCHER),
    ),
    "connect-launcher-without-storage": (
        LAUNCHER | {"sharedStorage": {"create": False}},
        _at("config.Launcher.DataDirPVCName", None, LAUNCHER | {"sharedStorage": {}}),
    ),
    "connect-runner-without-storage": ({}, {"config": {"Kubernetes": {"DataDirPVCName": "data"}}}),
    "connect-subpath-without-mount-content": (
        {"sharedStorage": {"create": True, "subPath": "a", "mountContent": False}},
        {"sharedStorage": {"create": True, "subPath": "", "mountContent": False}},
    ),
    "connect-subpath-product-too-old": (
        _at("sharedStorage.subPath", "a", STORAGE | {"versionOverride": "2026.07.0"}),
        _at("sharedStorage.subPath", "a", STORAGE | {"image": {"tag": "2026.07.0"}}),
    ),
    "connect-subpath-version-unreadable": (
        _at("sharedStorage.subPath", "a", STORAGE | {"versionOverride": "jammy-2026.08.0"}),
        STORAGE | {"versionOverride": "jammy-2026.08.0"},
    ),
    "connect-subpath-leaves-claim": (_at("sharedStorage.subPath", "a..b"), _at("sharedStorage.subPath", "a.b/c")),
    "connect-content-init-container-renamed": (
        _at("launcher.contentInitContainer", {"tag": "x"}),
        _at("launcher.contentInitContainer", {}),
    ),
    "connect-custom-runtime-yaml-removed": (
        _at("launcher.customRuntimeYaml", "base"),
        _at("launcher.customRuntimeYaml", False),
    ),
    "connect-additional-runtime-images-removed": (
        _at("launcher.additionalRuntimeImages", [{}]),
        _at("launcher.additionalRuntimeImages", []),
    ),
    "connect-image-tag-prefix-removed": (_at("image.tagPrefix", "jammy-"), _at("image.tagPrefix", None)),
    "connect-launcher-init-tag-prefix-removed": (
        _at("launcher.defaultInitContainer.tagPrefix", "jammy-"),
        _at("launcher.defaultInitContainer.tagPrefix", ""),
    ),
    "connect-runner-init-tag-prefix-removed": (
        _at("backends.kubernetes.defaultInitContainer.tagPrefix", "jammy-"),
        _at("backends.kubernetes.defaultInitContainer.os", "jammy"),
    ),
    "connect-pod-service-account-removed": (
        _at("pod.serviceAccountName", "a"),
        _at("pod.serviceAccountName", False),
    ),
    "connect-pod-node-selector-removed": (_at("pod.nodeSelector", {"a": "b"}), _at("nodeSelector", {"a": "b"})),
    "connect-job-base-kind": (
        _at("backends.kubernetes.defaultResourceJobBase.kind", "job"),
        _at("backends.kubernetes.defaultResourceJobBase.kind", "Job"),
    ),
    "connect-service-base-kind": (
        _at("backends.kubernetes.defaultResourceServiceBase.kind", "Pod"),
        _at("backends.kubernetes.defaultResourceServiceBase.kind", "Service"),
    ),
    "connect-init-mount-reserved": (
        _mounting("initContainers", "connect-content-init", "/mnt/rstudio-connect-runtime/"),
        _mounting("initContainers", "connect-content-init", "/mnt/rstudio-connect-runtime"),
    ),
    "connect-content-mount-reserved": (
        _mounting("containers", "connect-content", "/opt/rstudio-connect-runtime"),
        _mounting("containers", "connect-content", "/opt/rstudio-connect-runtime", "rsc-volume"),
    ),
    "connect-content-mount-hides-install": (
        _mounting("containers", "connect-content", "/opt/rstudio-connect", "rsc-volume"),
        _mounting("containers", "another", "/opt/rstudio-connect"),
    ),
    "connect-execution-environment-unnamed": (
        _at("executionEnvironments", [{"name": "a"}, {"title": "b"}]),
        _at("executionEnvironments", [{"name": "a"}]),
    ),
    "connect-nameservice-provider": (
        _at("nameservice", {"enabled": True, "apiKey": "x"}),
        _at("nameservice", {"enabled": False, "apiKey": "x"}),
    ),
    "connect-nameservice-two-keys": (
        _at("nameservice", {"enabled": True, "apiKey": "x", "secretName": "y"}, STORAGE | _LDAP),
        _at("nameservice", {"enabled": True, "secretName": "y"}, STORAGE | _LDAP),
    ),
    "connect-nameservice-no-key": (
        _at("nameservice", {"enabled": True}, STORAGE | _LDAP),
        _at("nameservice", {"enabled": True, "apiKey": "x"}, STORAGE | _LDAP),
    ),
    "connect-chronicle-not-root": (
        _at("pod.securityContext.runAsUser", 999, STORAGE | {"chronicle": {"localConfig": {"A": {"b": 1}}}}),
        _at("pod.securityContext.runAsUser", 0, STORAGE | {"chronicle": {"localConfig": {"A": {"b": 1}}}}),
    ),
    "connect-chronicle-agent-image": (
        _at("chronicleAgent", _AGENT | {"image": {"tag": ""}}),
        _at("chronicleAgent", _AGENT),
    ),
    "connect-chronicle-agent-address": (
        _at("chronicleAgent", {"enabled": True, "autoDiscovery": False}),
        _at("chronicleAgent", _AGENT | {"autoDiscovery": False}),
    ),
    "connect-chronicle-server-unresolved": (
        _at("chronicleAgent", {"enabled": True}),
        _at("chronicleAgent", {"enabled": False}),
    ),
    "connect-agent-beside-init-containers": (
        _at("initContainers", [{"name": "wait"}], STORAGE | {"chronicleAgent": _AGENT}),
        _at("initContainers", [], STORAGE | {"chronicleAgent": _AGENT}),
    ),
    "connect-chronicle-beside-init-containers": (
        _at("initContainers", [{"name": "wait"}], STORAGE | {"chronicle": {"localConfig": {"A": {"b": 1}}}}),
        _at("initContainers", [{"name": "wait"}]),
    ),
    "connect-license-file-without-name": (
        _at("license.file", {"contents": "lic", "secretKey": ""}),
        _at("license.file", {"secret": "lic", "secretKey": ""}),
    ),
    "connect-launcher-account-create-type": (
        _at("rbac.serviceAccount.create", "yes please", LAUNCHER),
        _at("rbac.serviceAccount.create", "yes please"),
    ),
    "connect-profile-override-incomplete": (
        _at(
            "launcher",
            _WHOLE | {"launcherKubernetesProfilesConf": {"*": {"job-json-overrides": [{"name": "a"}]}}},
            LAUNCHER,
        ),
        _at("launcher", _WHOLE | {"launcherKubernetesProfilesConf": _PROFILE}, LAUNCHER),
    ),
    "pm-root-server-user": (
        _at("config.Launcher.ServerUser", "root", {}),
        _at("config.Launcher.ServerUser", "root", {"rootCheckIsFatal": False}),
    ),
    "pm-image-tag-prefix-removed": (_at("image.tagPrefix", "jammy-", {}), _at("image.os", "jammy", {})),
    "connect-image-tag-prefix-of-own-repository": _own("image"),
    "connect-launcher-init-tag-prefix-of-own-repository": _own("launcher.defaultInitContainer"),
    "connect-runner-init-tag-prefix-of-own-repository": _own("backends.kubernetes.defaultInitContainer"),
    "pm-image-tag-prefix-of-own-repository": _own("image", {}),
}
ROWS = {row.id: row for chart in load().charts for row in chart.fails_at(chart.newest)}
STAND_IN = yaml.safe_load((SOURCES / "fail_conditions.yaml").read_text())


def _judged(chart: str, values: dict[str, Any], version: str | None = None) -> Any:
    return judge(values, load().chart(chart), to_version=version, namespace=NAMESPACE)


def test_every_fail_condition_has_a_pair() -> None:
    assert REFUSED.keys() == ROWS.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_predicted(name: str) -> None:
    result = _judged(ROWS[name].chart, REFUSED[name][0])
    assert result.will_fail
    assert [finding.id for finding in result.findings if finding.effect == "fails"] == [name]


@pytest.mark.parametrize("name", REFUSED)
def test_near_miss_is_let_pass(name: str) -> None:
    result = _judged(ROWS[name].chart, REFUSED[name][1])
    assert [finding.id for finding in result.findings if finding.effect == "fails"] == []
    assert not result.will_fail


def test_all_reasons_are_told_at_once() -> None:
    values = {"image": {"tagPrefix": "x"}, "launcher": {"enabled": True, "customRuntimeYaml": "base"}}
    told = {finding.id for finding in _judged(CONNECT, values).findings if finding.effect == "fails"}
    assert told == {
        "connect-image-tag-prefix-removed",
        "connect-both-backends",
        "connect-custom-runtime-yaml-removed",
        "connect-launcher-without-storage",
        "connect-runner-without-storage",
    }


def _overriding(item: Any) -> dict[str, Any]:
    return _at("launcher.launcherKubernetesProfilesConf", {"staff": {"job-json-overrides": [item]}}, _PLAIN)


_OVERRIDES = "launcher.launcherKubernetesProfilesConf.staff.job-json-overrides"
_PLAIN = _at("launcher.useTemplates", False, LAUNCHER)
_ENVIRONMENTS = {"executionEnvironments": [{"name": "content"}]}
_TRACED = {"config": {"OpenTelemetry": {"Enabled": True}}}
_MOUNT = f"{POD}.containers[0].volumeMounts[0]"
WRONG_KINDS = [
    (CONNECT, {"config": {"Server": "a word"}}, "config.Server"),
    (CONNECT, {"config": {"Licensing": None}}, "config.Licensing"),
    (CONNECT, {"config": None}, "config"),
    (CONNECT, {"prometheus": None}, "prometheus"),
    (CONNECT, {"license": "key"}, "license"),
    (CONNECT, {"image": "repository:tag"}, "image"),
    (CONNECT, {"backends": {"kubernetes": {"defaultResourceServiceBase": None}}}, None),
    (CONNECT, {"backends": {"kubernetes": {"defaultResourceJobBase": "kind: Job"}}}, None),
    (CONNECT, {"ingress": {"enabled": True, "hosts": ["connect.example.com"]}}, "ingress.hosts[0]"),
    (CONNECT, {"ingress": {"enabled": True, "tls": [{"hosts": "connect.example.com"}]}}, "ingress.tls[0].hosts"),
    (CONNECT, {"extraObjects": "kind: ConfigMap"}, "extraObjects"),
    (CONNECT, {"extraObjects": [{"kind": "ConfigMap", "metadata": ["a"]}]}, "extraObjects[0]"),
    (CONNECT, {"license": {"file": {"secret": "{"}}}, "license.file.secret"),
    (CONNECT, {"sharedStorage": {"create": True, "storageClassName": '"a'}}, "sharedStorage.storageClassName"),
    (CONNECT, _at(f"{POD}.containers", [{"name": "connect-content", "volumeMounts": ["a"]}]), _MOUNT),
    (CONNECT, _mounting("containers", "connect-content", True), f"{_MOUNT}.mountPath"),
    (CONNECT, {"pod": {"volumeMounts": {"name": "a"}}}, "pod.volumeMounts"),
    (CONNECT, {"fullnameOverride": 5}, "fullnameOverride"),
    (CONNECT, {"service": {"type": True}}, "service.type"),
    (CONNECT, {"service": {"annotations": ["a"]}}, "service.annotations"),
    (CONNECT, {"executionEnvironments": "base"}, "executionEnvironments"),
    (CONNECT, {"pod": {"volumes": {"a": 1}}}, "pod.volumes"),
    (CONNECT, {"rbac": {"serviceAccount": {"name": ["a"]}}}, "rbac.serviceAccount.name"),
    (CONNECT, {"sharedStorage": {"create": True, "name": ["a"]}}, "sharedStorage.name"),
    (CONNECT, {"config": {"OpenTelemetry": None}}, "config.OpenTelemetry"),
    (CONNECT, _TRACED | {"pod": {"env": ["NAME=value"]}}, "pod.env[0]"),
    (CONNECT, _TRACED | {"pod": {"env": {"NAME": "value"}}}, "pod.env.NAME"),
    (CONNECT, _TRACED | {"pod": {"env": [{"name": 5, "value": "a"}]}}, "pod.env[0].name"),
    (CONNECT, _TRACED | {"pod": {"env": ""}}, "pod.env"),
    (CONNECT, _ENVIRONMENTS | {"config": {"ExecutionEnvironments": None}}, "config.ExecutionEnvironments"),
    (
        CONNECT,
        _ENVIRONMENTS | {"config": {"ExecutionEnvironments": {"ConfigFilePath": ["/a/b.yaml"]}}},
        "config.ExecutionEnvironments.ConfigFilePath",
    ),
    (CONNECT, {"chronicleAgent": _AGENT | {"env": {"NAME": "value"}}}, "chronicleAgent.env"),
    (CONNECT, {"launcher": {"templateValues": None}}, "launcher.templateValues"),
    (CONNECT, _at("launcher.templateValues", "a", _PLAIN), "launcher.templateValues"),
    (CONNECT, _at("launcher.templateValues.sharedStorage", None, _PLAIN), "launcher.templateValues.sharedStorage"),
    (CONNECT, _overriding("a"), f"{_OVERRIDES}[0]"),
    (CONNECT, _overriding({"name": 5, "json": {}, "target": "/spec"}), f"{_OVERRIDES}[0].name"),
    (PM, {"serviceAccount": {"name": ["a"]}}, "serviceAccount.name"),
    (PM, {"resources": None}, "resources"),
    (PM, {"config": {"Metrics": None}}, "config.Metrics"),
    (PM, {"config": {"Launcher": None}}, "config.Launcher"),
    (PM, {"license": {"file": {"contents": {"a": 1}}}}, "license.file.contents"),
]


@pytest.mark.parametrize(("chart", "values", "key"), WRONG_KINDS)
def test_a_value_of_the_wrong_kind_is_predicted(chart: str, values: dict[str, Any], key: str | None) -> None:
    result = _judged(chart, STORAGE | values)
    told = [finding.key for finding in result.findings if finding.effect == "fails"]
    assert told == [key] if key else len(told) == 1


DIGESTED: list[tuple[str, dict[str, Any]]] = [
    (CONNECT, {"config": {"Server": None, "Licensing": {}, "Launcher": None, "Kubernetes": None}}),
    (CONNECT, {"ingress": {"enabled": False, "hosts": ["connect.example.com"]}}),
    (CONNECT, {"ingress": {"enabled": True, "hosts": None, "tls": None}}),
    (CONNECT, {"securityContext": None, "resources": None, "pod": {"env": None, "labels": None}}),
    (
        CONNECT,
        {"license": {"key": None, "server": None}, "podDisruptionBudget": None, "executionEnvironments": None},
    ),
    (CONNECT, {"ingress": {"enabled": True, "hosts": [{"host": "a", "paths": ["/", {"path": "/x"}]}]}}),
    (CONNECT, {"launcher": {"templateValues": "a"}}),
    (CONNECT, {"config": {"OpenTelemetry": {}}, "pod": {"env": [{"name": 5}]}}),
    (CONNECT, {"chronicle": {"localConfig": {"Verbose": "a", "Logging": {"Level": "DEBUG"}}}}),
    (CONNECT, {"config": {"ExecutionEnvironments": None}}),
    (CONNECT, _ENVIRONMENTS | {"config": {"ExecutionEnvironments": {"ConfigFilePath": False}}}),
    (CONNECT, {"chronicle": {"localConfig": "[Logging]"}}),
    (CONNECT, _at(f"{POD}.containers", [{"name": "connect-content", "volumeMounts": {}}])),
    (CONNECT, _at("rbac", {"serviceAccount": {"create": None}}, LAUNCHER)),
    (PM, {"pod": {"securityContext": None, "containerSecurityContext": None}, "command": "[sh, -c]"}),
    (PM, {"args": ["sh", "-c", "rspm"], "serviceAccount": {"annotations": {"a": 5}}}),
]


@pytest.mark.parametrize(("chart", "values"), DIGESTED)
def test_nulls_and_lists_that_charts_digest_are_let_pass(chart: str, values: dict[str, Any]) -> None:
    result = _judged(chart, STORAGE | values)
    assert [finding for finding in result.findings if finding.effect == "fails"] == []


def test_one_wrong_block_is_told_once() -> None:
    """What lies below a wrong place is not another reason."""
    told = [f.key for f in _judged(CONNECT, STORAGE | {"launcher": "off"}).findings if f.effect == "fails"]
    assert told == ["launcher"]


@pytest.mark.parametrize("row", STAND_IN, ids=[row["id"] for row in STAND_IN])
def test_agrees_with_helm_on_the_stand_in_charts(helm: Helm, row: dict[str, Any]) -> None:
    for version in row["versions"]:
        for values in (row["fails"] or {}, row["passes"] or {}):
            try:
                helm.template(row["chart"], version, values)
            except Refused:
                refused = True
            else:
                refused = False
            assert _judged(row["chart"], values, version).will_fail is refused


# The stand-ins write these two as they come; the originals compare the type and range over the hosts.
LAX = {"service.type", "ingress.tls[0].hosts"}


@pytest.mark.parametrize(("chart", "values", "key"), [case for case in WRONG_KINDS if case[2] not in LAX])
def test_helm_refuses_the_wrong_kinds_too(helm: Helm, chart: str, values: dict[str, Any], key: str | None) -> None:
    with pytest.raises(Refused):
        helm.template(chart, load().chart(chart).newest, STORAGE | values)


@pytest.mark.parametrize(("chart", "values"), DIGESTED)
def test_helm_digests_them_too(helm: Helm, chart: str, values: dict[str, Any]) -> None:
    helm.template(chart, load().chart(chart).newest, STORAGE | values)


REUSED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("rstudio-connect", "0.7.4", "0.21.0", STORAGE),
    ("rstudio-pm", "0.3.9", "0.20.4", {}),
    ("rstudio-pm", "0.3.9", "0.5.29", {"serviceAccount": {"create": False}}),
    ("rstudio-pm", "0.5.29", "0.20.4", {}),
    ("rstudio-pm", "0.5.29", "0.20.4", {"image": {"tagPrefix": ""}}),
    ("rstudio-pm", "0.5.29", "0.20.4", {"image": {"tag": "x", "tagPrefix": None}}),
]


@pytest.mark.parametrize(("chart", "start", "end", "values"), REUSED)
def test_agrees_with_helm_on_reused_values(
    helm: Helm, repository: ChartRepository, chart: str, start: str, end: str, values: dict[str, Any]
) -> None:
    """What --reuse-values does: the new templates with the old chart's values.yaml."""
    for version in (start, end):
        with tarfile.open(repository.archive(chart, version)) as archive:
            archive.extractall(helm.home / version, filter="data")
    shutil.copy(helm.home / start / chart / "values.yaml", helm.home / end / chart / "values.yaml")
    predicted = judge(values, load().chart(chart), from_version=start, to_version=end, reuse_values=True)
    try:
        helm.run("template", "rel", helm.home / end / chart, "--values", helm.written(values))
    except Refused:
        assert predicted.will_fail
    else:
        assert not predicted.will_fail
    assert not any(finding.id == "default-moved" for finding in predicted.findings)
