"""What an apply would change, and what of it is shown."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from auditor.questions.same import changes, within


@pytest.mark.parametrize(
    ("wanted", "live", "same"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, True),
        ({"a": None}, {"a": 1}, False),
        ({"a": None}, {}, True),
        ({"a": {}, "b": "", "c": []}, {}, True),
        ({"a": 1}, {}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1.0}, True),
    ],
)
def test_within(wanted: Any, live: Any, same: bool) -> None:
    assert within(wanted, live) is same


def test_a_secret_is_compared_as_it_is_stored_and_never_shown() -> None:
    live = {"kind": "Secret", "data": {"license.lic": base64.b64encode(b"it").decode()}}
    assert within({"kind": "Secret", "stringData": {"license.lic": "it"}}, live)
    other = {"kind": "Secret", "stringData": {"license.lic": "other"}}
    assert not within(other, live)
    assert list(changes(other, live, {})) == ["contents (not shown)"]


def test_fields_are_named_and_only_plain_ones_shown() -> None:
    def spec(**fields: Any) -> dict[str, Any]:
        return {"template": {"spec": {"containers": [{"name": "a", **fields}]}}}

    live = {"kind": "Deployment", "spec": {"replicas": 1, **spec(image="x", args=["secret"])}}
    volumes = [{"name": "host", "hostPath": {"path": "/etc"}}]
    wanted = {"kind": "Deployment", "spec": {"replicas": 2, **spec(image="y", securityContext={"privileged": True})}}
    wanted["spec"]["template"]["spec"]["volumes"] = volumes
    before = {"spec": spec(image="x", args=["secret"]), "metadata": {"labels": {"helm.sh/chart": "x"}}}
    containers = "spec.template.spec.containers[a]"
    assert list(changes(wanted, live, before)) == [
        "spec.replicas: 1 -> 2",
        f"{containers}.image: x -> y",
        f"{containers}.securityContext.privileged: (none) -> True",
        "spec.template.spec.volumes[host].name: changed (not shown)",
        "spec.template.spec.volumes[host].hostPath.path: changed (not shown)",
        f"{containers}.args: removed",
    ]
    text = {"kind": "ConfigMap", "data": {"a.gcfg": "Password = x"}}
    assert list(changes(text, {"kind": "ConfigMap", "data": {"a.gcfg": "Password = y"}}, {})) == [
        "data.a\\.gcfg: changed (not shown)".replace("\\", "")
    ]


def test_what_is_removed_is_named() -> None:
    live = {"kind": "Service", "spec": {"type": "ClusterIP", "selector": {"a": "b"}}}
    wanted = {"kind": "Service", "spec": {"type": "ClusterIP"}}
    assert list(changes(wanted, live, live)) == ["spec.selector: removed"]
    live = {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "x", "securityContext": {}}, {"name": "b"}]}}
    wanted = {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "x"}]}}
    assert list(changes(wanted, live, live)) == [
        "spec.containers[b]: changed (not shown)",
        "spec.containers[a].securityContext: removed",
    ]


def test_keys_that_may_be_a_secret_are_masked() -> None:
    """The author of the values names the keys of maps and the entries of lists."""
    secret = "KQ7M-Z2XA-9PLT-04VB"
    live = {
        "kind": "Deployment",
        "metadata": {"annotations": {secret: "a"}},
        "spec": {"env": [{"name": secret, "value": "a"}]},
    }
    wanted = {
        "kind": "Deployment",
        "metadata": {"annotations": {secret: "b"}},
        "spec": {"env": [{"name": secret, "value": "b"}]},
    }
    without = {"kind": "Deployment", "metadata": {"annotations": {}}, "spec": wanted["spec"]}
    assert [*changes(wanted, live, {}), *changes(without, live, live)] == [
        "metadata.annotations.****: changed (not shown)",
        "spec.env[****].value: changed (not shown)",
        "spec.env[****].value: changed (not shown)",
        "metadata.annotations.****: removed",
    ]


def test_only_labels_that_change_with_every_chart_are_left_out() -> None:
    label = {"kind": "ConfigMap", "metadata": {"labels": {"chart": "b"}}}
    assert list(changes(label, {"kind": "ConfigMap", "metadata": {"labels": {"chart": "a"}}}, label)) == []
    data = {"kind": "ConfigMap", "data": {"chart": "b"}}
    assert list(changes(data, {"kind": "ConfigMap", "data": {"chart": "a"}}, {})) == ["data.chart: changed (not shown)"]
    assert list(changes({"kind": "ConfigMap", "data": {}}, data, data)) == ["data.chart: removed"]
