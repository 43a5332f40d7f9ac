"""Waiting until the workloads of a release are ready."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply import rollout
from auditor.errors import ClusterError, Unavailable
from auditor.model.snapshot import ReleaseRef

RELEASE = ReleaseRef("posit", "pm")
NAMES = frozenset({"pm"})


class Cluster:
    """With one Deployment, which is ready once `errors` are spent."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.time = list(errors), 0.0

    def list(self, *_: Any) -> Iterator[dict[str, Any]]:
        if self.errors:
            raise self.errors.pop()
        release = {"meta.helm.sh/release-name": "pm", "meta.helm.sh/release-namespace": "posit"}
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
        metadata = {"name": "pm", "annotations": release}
        yield {"kind": "Deployment", "metadata": metadata, "status": {"observedGeneration": 1, **counts}}

    def pause(self, seconds: float) -> None:
        self.time += seconds


def wait(cluster: Cluster, told: list[Any]) -> str:
    tools: Any = SimpleNamespace(reader=cluster, pause=cluster.pause, clock=lambda: cluster.time, rollout_seconds=60)
    return rollout.wait(tools, RELEASE, NAMES, told.append)


@pytest.mark.parametrize("error", [Unavailable("No answer."), ClusterError("The TLS handshake failed.")])
def test_an_api_server_that_does_not_answer_for_a_while_fails_no_upgrade(error: Exception) -> None:
    told: list[Any] = []
    assert wait(Cluster(error, error), told) == ""
    assert [one["note"] for one in told] == [f"waiting: the API server does not answer ({str(error)[:-1]})"] * 2


def test_it_is_not_waited_for_longer_than_for_the_workloads() -> None:
    assert wait(Cluster(*[Unavailable("No answer.")] * 1000), []) == "the API server does not answer (No answer)"
