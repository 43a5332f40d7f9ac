"""Which fields another manager holds: read from the manifest of Helm's record and the objects' managedFields."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.inventory import take
from auditor.model.held import HeldField
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet
from auditor.questions.managed_fields import held_fields
from tests.inventory.fake import FakeReader, Json
from tests.inventory.releases import release

CANARY = "canary-held-77af"
CONTAINER = 'k:{"name":"rspm"}'
PORT = 'k:{"containerPort":4242,"protocol":"TCP"}'


def owned(fields: Json, manager: str = "kubectl", operation: str = "Update", **more: str) -> Json:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def document(kind: str = "Deployment", **fields: Any) -> Json:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "pm", "namespace": "posit"}, **fields}


def live(wanted: Json, *entries: Json, **fields: Any) -> Json:
    metadata = {**wanted["metadata"], "uid": "u", "resourceVersion": "7", "managedFields": list(entries)}
    return {**wanted, **fields, "metadata": metadata}


def found(wanted: Json, *entries: Json, **fields: Any) -> list[HeldField]:
    return list(held_fields(wanted, live(wanted, *entries, **fields)))


def spec(**container: Any) -> Json:
    return {"replicas": 1, "template": {"spec": {"containers": [{"name": "rspm", **container}]}}}


def of_container(below: Json) -> Json:
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {CONTAINER: {".": {}, **below}}}}}}


def test_a_scaled_deployment_is_held_by_who_scaled_it() -> None:
    (held,) = found(
        document(spec=spec()),
        owned({"f:spec": {"f:replicas": {}}}, subresource="scale"),
        spec=spec() | {"replicas": 3},
    )
    assert (held.field, held.manager, held.operation, held.subresource) == (
        ".spec.replicas",
        "kubectl",
        "Update",
        "scale",
    )
    assert (held.shown, held.observed, held.expected, held.path) == (True, 3, 1, ("f:spec", "f:replicas"))


def test_replicas_null_is_a_value_too() -> None:
    wanted = document(spec=spec() | {"replicas": None})
    (held,) = found(wanted, owned({"f:spec": {"f:replicas": {}}}), spec=spec() | {"replicas": 2})
    assert (held.observed, held.expected) == (2, None)


def test_an_item_of_a_list_is_found_by_its_keys() -> None:
    wanted = document(spec=spec(image="a:1", ports=[{"containerPort": 4242, "name": "http"}]))
    now = spec(image="a:2", ports=[{"containerPort": 4242, "protocol": "TCP", "name": "web"}])
    entry = owned(of_container({"f:image": {}, "f:ports": {PORT: {".": {}, "f:name": {}}}}), "kubectl-set")
    image, name = found(wanted, entry, spec=now)
    assert image.field == '.spec.template.spec.containers[name="rspm"].image'
    assert (image.observed, image.expected) == ("a:2", "a:1")
    assert name.field.endswith('.ports[containerPort=4242,protocol="TCP"].name')
    assert not name.shown


@pytest.mark.parametrize(
    ("wanted", "now", "fields"),
    [
        pytest.param(spec(), spec(), {"f:spec": {"f:replicas": {}}}, id="the same value"),
        pytest.param(
            spec(resources={"limits": {"cpu": 1, "memory": "1024Mi"}}),
            spec(resources={"limits": {"cpu": "1000m", "memory": "1Gi"}}),
            of_container({"f:resources": {"f:limits": {"f:cpu": {}, "f:memory": {}}}}),
            id="the same quantity",
        ),
        pytest.param(spec(), spec(tty=True), of_container({"f:tty": {}}), id="a field that the chart leaves alone"),
        pytest.param(
            spec(probe={"port": 80}),
            spec(probe={"port": 80, "scheme": "HTTP"}),
            of_container({"f:probe": {}}),
            id="a default of the API server's",
        ),
        pytest.param(spec(), {**spec(), "paused": True}, {"f:spec": {"f:paused": {}}}, id="paused by a person"),
    ],
)
def test_what_does_not_conflict(wanted: Json, now: Json, fields: Json) -> None:
    assert found(document(spec=wanted), owned(fields), spec=now) == []


def test_what_helm_holds_itself_is_no_conflict() -> None:
    entry = owned({"f:spec": {"f:replicas": {}}}, "helm", "Apply")
    assert found(document(spec=spec()), entry, spec=spec() | {"replicas": 3}) == []


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_no_text_that_may_be_secret_is_kept(kind: str) -> None:
    wanted = document(kind, data={"key": CANARY})
    (held,) = found(wanted, owned({"f:data": {"f:key": {}}}, "kubectl-edit"), data={"key": f"{CANARY}-2"})
    assert (held.field, held.shown) == (".data.key", False)
    assert CANARY not in repr(held)


def test_nothing_of_a_secret_is_shown_whatever_its_type() -> None:
    wanted = document("Secret", spec={"image": CANARY}, data={"pin": 4711})
    entry = owned({"f:data": {"f:pin": {}}, "f:spec": {"f:image": {}}})
    assert [one.shown for one in found(wanted, entry, data={"pin": 4712}, spec={"image": "x"})] == [False, False]


def test_variables_are_withheld() -> None:
    wanted = document(spec=spec(env=[{"name": "TOKEN", "value": CANARY}]))
    entry = owned(of_container({"f:env": {'k:{"name":"TOKEN"}': {".": {}, "f:value": {}}}}))
    (held,) = found(wanted, entry, spec=spec(env=[{"name": "TOKEN", "value": "other"}]))
    assert not held.shown
    assert CANARY not in repr(held)


def test_a_key_that_is_no_json_is_no_answer() -> None:
    broken = {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{broken": {"f:image": {}}}}}}}
    with pytest.raises(ValueError, match="Expecting"):
        found(document(spec=spec()), owned(broken), spec=spec())


# --- the facet ---------------------------------------------------------------------------------------------------


def taken(reader: FakeReader) -> Any:
    (state,) = take(reader, Scope(current="posit"), frozenset({Facet.HELD_FIELDS}), ProbeMode.OFF).releases  # type: ignore[arg-type]
    return state.held_fields


def scaled(apply_method: str) -> FakeReader:
    objects = release("rstudio-pm", apply_method=apply_method)
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    deployment["metadata"]["managedFields"] = [owned({"f:metadata": {"f:labels": {"f:heritage": {}}}})]
    deployment["metadata"]["annotations"] = {
        "meta.helm.sh/release-name": "pm",
        "meta.helm.sh/release-namespace": "posit",
    }
    return FakeReader(*objects)


def test_the_labels_that_helm_adds_are_the_charts_too() -> None:
    reader = scaled("ssa")
    deployment = next(one for one in reader.objects if one["kind"] == "Deployment")
    label = "f:app.kubernetes.io/managed-by"
    deployment["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "me"}
    deployment["metadata"]["managedFields"] = [owned({"f:metadata": {"f:labels": {label: {}}}})]
    (held,) = taken(reader)
    assert held.field == ".metadata.labels.app.kubernetes.io/managed-by"


def test_objects_of_others_that_a_forged_manifest_names_are_left_out() -> None:
    reader = scaled("ssa")
    deployment = next(one for one in reader.objects if one["kind"] == "Deployment")
    label = "f:app.kubernetes.io/managed-by"
    deployment["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "me"}
    deployment["metadata"]["managedFields"] = [owned({"f:metadata": {"f:labels": {label: {}}}})]
    assert taken(reader)
    deployment["metadata"]["annotations"]["meta.helm.sh/release-name"] = "other"
    assert taken(reader) == ()


@pytest.mark.parametrize("apply_method", ["", "csa"])
def test_nothing_is_asked_of_a_release_that_helm_does_not_apply_on_the_server(apply_method: str) -> None:
    reader = scaled(apply_method)
    before = len(reader.asked("get", "services"))
    assert taken(reader) == ()
    assert len(reader.asked("get", "services")) == before


@pytest.mark.parametrize(
    "entry",
    [{"manager": "x", "fieldsV1": ["f:spec"]}, "no entry", owned({"f:metadata": 1})],
    ids=["a list", "text", "a number"],
)
def test_managed_fields_of_another_shape_are_unknown(entry: Any) -> None:
    reader = scaled("ssa")
    deployment = next(one for one in reader.objects if one["kind"] == "Deployment")
    deployment["metadata"]["managedFields"] = [entry]
    assert isinstance(taken(reader), Unseen)
