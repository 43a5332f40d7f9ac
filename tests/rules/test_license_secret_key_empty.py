from auditor.model.finding import Result
from tests.builders import UNSEEN, connect, license_secret, secret_key
from tests.rules.judging import only

RULE = "license-secret-key-empty"


def test_fails_when_the_license_is_empty() -> None:
    secret = license_secret(secret_key("license.lic", empty=True))
    assert only(RULE, connect(license_secrets=(secret,))).result is Result.FAILED


def test_passes_when_another_key_is_empty() -> None:
    secret = license_secret(secret_key("license.lic"), secret_key("other", empty=True))
    assert only(RULE, connect(license_secrets=(secret,))).result is Result.PASSED


def test_cannot_tell_without_seeing_secrets() -> None:
    assert only(RULE, connect(license_secrets=UNSEEN)).result is Result.UNKNOWN
