"""What who watches is told of a pod that stopped before its work was done."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.apply.interruption import Interruptions, interruption


def pod(name: str = "p", phase: str = "Running", **status: Any) -> dict[str, Any]:
    limits = {"resources": {"limits": {"memory": "512Mi"}}}
    spec = {"nodeName": "n1", "containers": [limits]}
    return {"metadata": {"name": name}, "spec": spec, "status": {"phase": phase, **status}}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    container = {"ready": False, "state": {"terminated": {"exitCode": code, "reason": reason}}}
    return pod(phase="Failed", containerStatuses=[container])


def disrupted(reason: str, **status: Any) -> dict[str, Any]:
    return pod(**status, conditions=[{"type": "DisruptionTarget", "status": "True", "reason": reason}])


# As the control plane leaves them where a kubelet has not been heard of for a while.
CUT_OFF: dict[str, Any] = {
    "containerStatuses": [{"ready": True, "state": {"running": {}}}],
    "conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "False"}],
}


@pytest.mark.parametrize(
    ("befallen", "told"),
    [
        (ended(137, "OOMKilled"), "Pod p was killed for want of memory (its limit is 512Mi); the Job makes another"),
        (ended(137), "Pod p was killed; the Job makes another, up to six times."),
        (ended(143), "Pod p was told to stop"),
        (disrupted("EvictionByEvictionAPI"), "Pod p was evicted; the Job makes another"),
        (disrupted("DeletionByPodGC", phase="Failed"), "Pod p was on a node that is gone from the cluster"),
        (disrupted("SomethingNew"), "Pod p was interrupted (SomethingNew)"),
        (pod(**CUT_OFF), "Node n1 with pod p does not answer; the work goes on when it comes back"),
        (ended(1), ""),
        (ended(0, "Completed"), ""),
        (pod(), ""),
        (pod(phase="Pending"), ""),
    ],
)
def test_each_way_has_its_sentence(befallen: dict[str, Any], told: str) -> None:
    assert interruption(befallen).startswith(told)
    assert bool(interruption(befallen)) is bool(told)


def test_a_pod_that_is_to_leave_a_silent_node_is_still_waited_for() -> None:
    """After five minutes; no other is made before it is known to have ended."""
    leaving = pod(**CUT_OFF)
    leaving["status"]["conditions"] += disrupted("DeletionByTaintManager")["status"]["conditions"]
    assert "does not answer" in interruption(leaving)


def test_each_is_told_once_and_of_each_part() -> None:
    told = Interruptions()
    assert [*told.news({"0": pod("a"), "1": ended(143)})] == [interruption(ended(143))]
    assert [*told.news({"0": pod("a", **CUT_OFF), "1": ended(143)})] == [interruption(pod("a", **CUT_OFF))]
    assert [*told.news({"0": pod("a", **CUT_OFF), "1": pod("q")})] == []
    assert [*told.news({"0": pod("a"), "1": pod("q")})] == []


def test_a_pod_that_went_between_two_looks_is_told_by_the_next_one() -> None:
    told = Interruptions()
    assert [*told.news({"0": pod("a")})] == []
    assert [*told.news({"0": pod("b")})] == ["Pod a is gone; the Job made another, b, which goes on with its work."]
