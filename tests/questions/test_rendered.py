"""Which objects may be applied with an administrator's identity, by who wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from auditor.helm.objects import Document, read
from auditor.model.kubernetes import CONFIG_MAPS, ROLE_BINDINGS, ROLES, Resource
from auditor.model.snapshot import ReleaseRef
from auditor.questions.rendered import Rendered, Seen, keys, objections, objections_to_the_past

RELEASE = ReleaseRef("posit", "pm")
RBAC = "rbac.authorization.k8s.io/v1"
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
RESOURCES = {one.kind: one for one in (CONFIG_MAPS, ROLES, ROLE_BINDINGS, CLUSTER_ROLES)}
OWN = {"meta.helm.sh/release-name": "pm", "meta.helm.sh/release-namespace": "posit"}
GET, MORE = (
    [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
    [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
)


def obj(kind: str = "ConfigMap", name: str = "a", namespace: str = "", **body: Any) -> dict[str, Any]:
    version = RBAC if "Role" in kind else "v1"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def live(body: Mapping[str, Any], owner: Mapping[str, str] = OWN) -> dict[str, Any]:
    namespaced = RESOURCES[body["kind"]].namespaced
    place = {"namespace": body["metadata"].get("namespace", "posit")} if namespaced else {}
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    return {**body, "metadata": {**place, **body["metadata"], "labels": labels, "annotations": dict(owner)}}


def documents(*bodies: Mapping[str, Any]) -> tuple[Document, ...]:
    return read("".join(f"---\n# Source: pm/templates/a.yaml\n{json.dumps(body)}\n" for body in bodies))


def rendered(
    *bodies: Mapping[str, Any],
    own: tuple[Mapping[str, Any], ...] = (),
    plain: tuple[Mapping[str, Any], ...] | None = None,
    before: tuple[Mapping[str, Any], ...] = (),
    there: tuple[Mapping[str, Any], ...] = (),
) -> Rendered:
    """`own`: of `bodies`, those that the chart makes. `there`: what the cluster has."""
    now, was = documents(*bodies), documents(*before)
    known = {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in there}
    seen = {}
    for key in keys(now, was):
        resource = RESOURCES.get(key.kind)
        namespace = (key.namespace or "posit") if resource and resource.namespaced else ""
        seen[key] = Seen(resource, known.get((key.kind, namespace, key.name)))
    return Rendered(
        release=RELEASE,
        documents=now,
        trusted=documents(*own),
        plain=documents(*(own if plain is None else plain)),
        before=was,
        seen=seen,
    )


MINE = obj(data={"a": "b"})
ROLE, WIDER = obj("Role", rules=GET), obj("Role", rules=MORE)
ELSEWHERE = obj(namespace="kube-system", data={"a": "b"})
FOREIGN_ROLE = obj("Role", namespace="content", rules=GET)
CLUSTER = obj("ClusterRole", rules=GET)


@pytest.mark.parametrize(
    ("found", "patch", "upgrade"),
    [
        (rendered(MINE, own=(MINE,)), "", ""),
        (rendered(MINE, own=(MINE,), there=(live(obj(data={})),)), "", ""),
        (rendered(MINE), "not the chart's own", "not the chart's own"),
        (rendered(MINE, there=(live(MINE),)), "", ""),
        (rendered(MINE, there=(live(MINE, {}),)), "does not belong to this release", "does not belong"),
        (rendered(MINE, own=(MINE,), there=(live(obj(data={}), {}),)), "does not belong", "does not belong"),
        (rendered(MINE, there=(live(obj(data={"a": "c"})),)), "would be changed", "not the chart's own"),
        (rendered(MINE, MINE, own=(MINE,)), "not the chart's own", "not the chart's own"),
        (rendered(MINE, own=(MINE,), plain=()), "not the chart's own", "not the chart's own"),
        (rendered(ROLE, own=(ROLE,)), "grants more", ""),
        (rendered(WIDER, own=(WIDER,), there=(live(ROLE),)), "grants more", ""),
        (rendered(ROLE, own=(ROLE,), there=(live(WIDER),)), "", ""),
        (rendered(ROLE, own=(ROLE,), there=(live(obj("Role", rules=[*GET, *MORE])),)), "", ""),
        (rendered(ROLE, own=(ROLE,), plain=(WIDER,)), "not the chart's own", "not the chart's own"),
        (rendered(ELSEWHERE, own=(ELSEWHERE,)), "new in namespace kube-system", "new in namespace kube-system"),
        (rendered(ELSEWHERE, there=(live(ELSEWHERE),)), "", ""),
        (rendered(FOREIGN_ROLE, own=(FOREIGN_ROLE,)), "new in namespace content", "new in namespace content"),
        (rendered(FOREIGN_ROLE, own=(FOREIGN_ROLE,), there=(live({**FOREIGN_ROLE, "rules": []}),)), "grants more", ""),
        (rendered(CLUSTER, own=(CLUSTER,)), "outside of any namespace", "outside of any namespace"),
        (rendered(CLUSTER, own=(CLUSTER,), there=(live(CLUSTER),)), "", ""),
        (rendered(obj("Unheard")), "does not know", "does not know"),
        (rendered(before=(MINE,), there=(live(MINE),)), "", ""),
        (rendered(before=(MINE,), there=(live(MINE, {}),)), "would be deleted", "would be deleted"),
        (rendered(before=(ELSEWHERE,), there=(live(ELSEWHERE, {}),)), "would be deleted", "would be deleted"),
        (rendered(before=(ELSEWHERE,), there=(live(ELSEWHERE),)), "", ""),
    ],
)
def test_each_object_by_who_wrote_it(found: Rendered, patch: str, upgrade: str) -> None:
    for wanted, asked in ((patch, False), (upgrade, True)):
        said = list(objections(found, upgrade=asked))
        assert bool(said) == bool(wanted), said
        assert all(wanted in sentence for sentence in said)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (rendered(before=(MINE,), there=(live(MINE),)), ""),
        (rendered(before=(MINE,), there=(live(obj(data={})),)), ""),
        (rendered(MINE, own=(MINE,), before=(MINE,)), ""),
        (rendered(before=(MINE,)), "is not in the cluster"),
        (rendered(before=(MINE,), there=(live(MINE, {}),)), "does not belong to this release"),
        (rendered(before=(WIDER,), there=(live(ROLE),)), "grants more"),
        (rendered(ROLE, own=(ROLE,), before=(WIDER,)), "is not in the cluster"),
        (rendered(before=(ROLE,), there=(live(ROLE),)), ""),
        (rendered(before=(CLUSTER,)), "is not in the cluster"),
        (rendered(before=(ELSEWHERE,), there=(live({**ELSEWHERE, "data": {}}),)), "another one in the cluster"),
        (rendered(before=(obj("Unheard"),)), "could not be compared"),
    ],
)
def test_a_rollback_applies_the_stored_manifest_as_it_is(found: Rendered, says: str) -> None:
    said = list(objections_to_the_past(found))
    assert bool(said) == bool(says), said
    assert all(says in sentence for sentence in said)
