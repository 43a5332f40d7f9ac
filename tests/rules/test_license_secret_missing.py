from auditor.model.finding import Result
from tests.builders import UNSEEN, connect, license_secret
from tests.rules.judging import fix_of, only

RULE = "license-secret-missing"


def test_fails_and_says_how_to_create_it() -> None:
    finding = only(RULE, connect(license_secrets=(license_secret(exists=False),)))
    assert finding.result is Result.FAILED
    assert "create secret generic license --from-file=license.lic=FILE" in fix_of(finding).summary


def test_passes_when_it_is_there() -> None:
    assert only(RULE, connect()).result is Result.PASSED


def test_cannot_tell_without_seeing_secrets() -> None:
    assert only(RULE, connect(license_secrets=UNSEEN)).result is Result.UNKNOWN
