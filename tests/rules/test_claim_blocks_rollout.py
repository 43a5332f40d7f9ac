from typing import Any

import pytest

from auditor.model.finding import Result
from auditor.model.seen import Withheld
from auditor.model.snapshot import Event
from tests.builders import UNSEEN, claim, package_manager, pod, volume, workload
from tests.rules.judging import only

RULE = "claim-blocks-rollout"
EXCLUSIVE = (claim(access_modes=("ReadWriteOnce",)),)


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod"])
def test_fails_when_the_new_pod_comes_before_the_old_one_goes(mode: str) -> None:
    assert only(RULE, package_manager(claims=(claim(access_modes=(mode,)),))).result is Result.FAILED


@pytest.mark.parametrize("strategy", [{"type": "Recreate"}, {"rollingUpdate": {"maxSurge": 0}}])
def test_passes_when_the_old_pod_goes_first(strategy: Any) -> None:
    state = package_manager(claims=EXCLUSIVE, workload=workload(strategy=strategy))
    assert only(RULE, state).result is Result.PASSED


@pytest.mark.parametrize("kind", ["local", "hostPath"])
def test_passes_where_the_volume_keeps_all_pods_on_its_node(kind: str) -> None:
    bound = (volume({kind: {"path": "/srv"}, "nodeAffinity": {"required": {}}}),)
    assert only(RULE, package_manager(claims=EXCLUSIVE, volumes=bound)).result is Result.PASSED
    one_pod = (claim(access_modes=("ReadWriteOncePod",)),)
    assert only(RULE, package_manager(claims=one_pod, volumes=bound)).result is Result.FAILED


def test_passes_with_a_shared_claim() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_over_several_replicas_of_which_another_rule_speaks() -> None:
    release = package_manager(claims=EXCLUSIVE, workload=workload(replicas=2))
    assert only(RULE, release).result is Result.PASSED


def test_fails_whoever_deployed_it() -> None:
    assert only(RULE, package_manager(claims=EXCLUSIVE, helm=None)).result is Result.FAILED


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, package_manager(claims=EXCLUSIVE, workload=UNSEEN)).result is Result.UNKNOWN


def test_a_multi_attach_error_that_is_there_already_is_evidence() -> None:
    attached = Event(object=pod().ref, reason="FailedAttachVolume", message=Withheld("Multi-Attach error for volume x"))
    other = Event(object=pod().ref, reason="FailedMount", message=Withheld("timed out"))
    once = claim(access_modes=("ReadWriteOnce",))
    finding = only(RULE, package_manager(claims=(once,), events=(attached, other)))
    assert [one.observed.partition(";")[0] for one in finding.evidence[1:]] == [
        "FailedAttachVolume: Multi-Attach error"
    ]
