from auditor.model.finding import Result
from auditor.model.ownership import Owner
from tests.builders import UNSEEN, package_manager, probe
from tests.rules.judging import fix_of, only

RULE = "root-license-activations"


def test_fails_and_moves_them_aside() -> None:
    finding = only(RULE, package_manager(ownership=(probe(root_activations=("verify", "lic")),)))
    (action,) = fix_of(finding).actions
    assert finding.result is Result.FAILED
    assert action.move_aside == ("verify", "lic")


def test_fails_without_a_plan_where_the_claim_was_not_seen() -> None:
    finding = only(RULE, package_manager(ownership=(probe(root_activations=("verify",)),), claims=UNSEEN))
    assert finding.result is Result.FAILED
    assert fix_of(finding).actions == ()


def test_passes_when_there_are_none() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_when_root_still_is_the_servers_user() -> None:
    own = probe(root_activations=("verify",), expected=Owner(0, 0))
    assert only(RULE, package_manager(ownership=(own,))).result is Result.PASSED


def test_cannot_tell_when_the_look_failed() -> None:
    assert only(RULE, package_manager(ownership=(probe(problem=UNSEEN),))).result is Result.UNKNOWN


def test_cannot_tell_without_a_look() -> None:
    assert only(RULE, package_manager(ownership=UNSEEN)).result is Result.UNKNOWN
