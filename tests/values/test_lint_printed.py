"""Values that the charts print into a manifest as they stand: where they break it, lint says so before Helm does."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.catalog import load
from auditor.values.lint import judge
from tests.stand_in.rendering import NAMESPACE, STORAGE, Helm, Refused

CONNECT, PM = "rstudio-connect", "rstudio-pm"
_MONITOR = {"enabled": True, "namespace": "@all"}


def _filed(key: Any) -> dict[str, Any]:
    return {"license": {"file": {"contents": "BEGIN\nEND", "secretKey": key}}}


def _routed(path: Any) -> dict[str, Any]:
    return {"ingress": {"enabled": True, "hosts": [{"host": "h", "paths": [path]}]}}


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    (PM, _filed(None), "license.file.secretKey"),
    (PM, _filed(""), "license.file.secretKey"),
    (CONNECT, _filed("a: b"), "license.file.secretKey"),
    (PM, _filed("[lic"), "license.file.secretKey"),
    (CONNECT, _routed({"path": "*", "pathType": "Prefix"}), "ingress.hosts[0].paths[0].path"),
    (PM, _routed({"path": "/", "pathType": "- Prefix"}), "ingress.hosts[0].paths[0].pathType"),
    (PM, _routed("@all"), "ingress.hosts[0].paths[0]"),
    (CONNECT, {"license": {"file": {"secret": "mine", "mountPath": "C:\\dir"}}}, "license.file.mountPath"),
    (PM, {"fullnameOverride": "packages\n"}, "fullnameOverride"),
    (PM, {"image": {"os": '"ubuntu"'}}, "image.os"),
    (PM, {"versionOverride": '"2026.08.0"'}, "versionOverride"),
    (PM, {"resources": {"limits": {"enabled": True, "memory": '"4Gi"'}}}, "resources.limits.memory"),
    (PM, {"resources": {"requests": {"enabled": True, "cpu": '"1"'}}}, "resources.requests.cpu"),
    (PM, {"serviceMonitor": _MONITOR}, "serviceMonitor.namespace"),
    (PM, {"awsAccessKeyId": "A", "awsSecretAccessKey": "S\nS"}, "awsSecretAccessKey"),
    (PM, {"pod": {"containerSecurityContext": {"runAsUser": "{{ .Values.user"}}}, "pod.containerSecurityContext"),
    (PM, {"extraObjects": ["kind: Secret\ndata: {{ .Values.data"]}, "extraObjects[0]"),
    (CONNECT, {"extraObjects": [{"kind": "Secret", "data": {"a": "{{ .Values.data"}}]}, "extraObjects[0]"),
    (CONNECT, {"extraObjects": [{"kind": "Secret", "metadata": "null"}]}, "extraObjects[0]"),
]
WHOLE: list[tuple[str, dict[str, Any]]] = [
    (PM, _filed("my license.lic")),
    (PM, {"license": {"file": {"secret": "mine", "secretKey": "a: b"}}}),
    (PM, {"license": {"key": "k", "file": {"mountPath": 'a"b'}}}),
    (PM, {"image": {"os": '"ubuntu"', "tag": "mine"}, "resources": {"limits": {"memory": '"4Gi"'}}}),
    (CONNECT, _routed({"path": " /lead", "pathType": "Exact"})),
    (PM, {"serviceMonitor": _MONITOR, "config": {"Metrics": {"Enabled": False}}}),
    (PM, {"awsAccessKeyId": "A\n", "awsSecretAccessKey": "{S"}),
    (PM, {"pod": {"containerSecurityContext": {"runAsUser": "{{ .Values.replicas }}"}}}),
    (CONNECT, {"extraObjects": ["kind: Secret\nmetadata: null", 'kind: {{ "Secret" }}']}),
]


def _refused(chart: str, values: dict[str, Any]) -> list[str]:
    result = judge(STORAGE | values, load().chart(chart), namespace=NAMESPACE)
    return [finding.key for finding in result.findings if finding.effect == "fails"]


@pytest.mark.parametrize(("chart", "values", "key"), BROKEN)
def test_a_value_that_breaks_its_manifest_is_told(helm: Helm, chart: str, values: dict[str, Any], key: str) -> None:
    assert _refused(chart, values) == [key]
    with pytest.raises(Refused):
        helm.template(chart, load().chart(chart).newest, STORAGE | values)


@pytest.mark.parametrize(("chart", "values"), WHOLE)
def test_what_only_looks_odd_is_let_pass(helm: Helm, chart: str, values: dict[str, Any]) -> None:
    assert _refused(chart, values) == []
    helm.template(chart, load().chart(chart).newest, STORAGE | values)
