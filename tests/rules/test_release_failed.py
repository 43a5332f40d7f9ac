from auditor.model.finding import Result
from auditor.model.helm import HelmStatus
from tests.builders import UNSEEN, helm_record, package_manager
from tests.rules.judging import only

RULE = "release-failed"


def test_fails_with_helms_own_sentence() -> None:
    record = helm_record(status=HelmStatus.FAILED, description="context deadline exceeded", revision=7)
    finding = only(RULE, package_manager(helm=record))
    assert finding.result is Result.FAILED
    assert "Revision 7" in finding.message
    assert finding.evidence[0].observed == "failed: context deadline exceeded"


def test_passes_when_deployed() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_over_a_stuck_release_of_which_another_rule_speaks() -> None:
    assert only(RULE, package_manager(helm=helm_record(status=HelmStatus.PENDING_UPGRADE))).result is Result.PASSED


def test_cannot_tell_when_the_record_could_not_be_read() -> None:
    assert only(RULE, package_manager(helm=UNSEEN)).result is Result.UNKNOWN
