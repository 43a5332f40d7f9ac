"""What the agent knows of the pod that it runs in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from auditor.inventory.own_pod import own_pod
from auditor.model.own_pod import OwnPod
from tests.inventory.fake import FakeReader


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> FakeReader:
    """Of a pod that manifests/ started, with a sidecar that somebody's mesh put in front."""
    monkeypatch.setenv("POSIT_AUDIT_POD", "fix-1-abcde")
    containers = [{"name": "mesh", "image": "mesh"}, {"name": "posit-audit", "image": "mirror.example/posit-audit:1"}]
    pod = {
        "kind": "Pod",
        "metadata": {"name": "fix-1-abcde", "namespace": "packages"},
        "spec": {"containers": containers, "imagePullSecrets": [{"name": "mirror"}]},
    }
    reader = FakeReader(pod)
    reader.connection = SimpleNamespace(in_cluster=True, namespace="packages")
    return reader


def test_the_agents_own_container_tells_the_image(reader: FakeReader) -> None:
    assert own_pod(reader) == OwnPod(
        namespace="packages", image="mirror.example/posit-audit:1", image_pull_secrets=("mirror",)
    )


def test_outside_the_cluster_nothing_is_asked(reader: FakeReader) -> None:
    reader.connection.in_cluster = False
    assert own_pod(reader) is None
    assert not reader.requests


def test_in_a_pod_of_somebody_elses_nothing_is_asked(reader: FakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSIT_AUDIT_POD")
    assert own_pod(reader) is None
    assert not reader.requests


def test_a_refusal_is_no_reason_to_stop(reader: FakeReader) -> None:
    reader.refused.add(("get", "pods"))
    assert own_pod(reader) is None
