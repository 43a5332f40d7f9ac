from auditor.model.finding import Result
from tests.builders import UNSEEN, claim, package_manager, workload
from tests.rules.judging import only

RULE = "claim-access-mode"


def test_fails_when_replicas_share_an_exclusive_claim() -> None:
    release = package_manager(claims=(claim(access_modes=("ReadWriteOnce",)),), workload=workload(replicas=2))
    assert only(RULE, release).result is Result.FAILED


def test_fails_when_nobody_may_write() -> None:
    assert only(RULE, package_manager(claims=(claim(access_modes=("ReadOnlyMany",)),))).result is Result.FAILED


def test_passes_when_one_replica_has_it_for_itself() -> None:
    assert only(RULE, package_manager(claims=(claim(access_modes=("ReadWriteOnce",)),))).result is Result.PASSED


def test_passes_when_replicas_share_a_shared_claim() -> None:
    assert only(RULE, package_manager(workload=workload(replicas=3))).result is Result.PASSED


def test_passes_over_a_claim_that_is_not_there() -> None:
    release = package_manager(claims=(claim(exists=False, access_modes=()),))
    assert only(RULE, release).result is Result.PASSED


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, package_manager(workload=UNSEEN)).result is Result.UNKNOWN
