from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from auditor.model.snapshot import SecretKey
from tests.builders import UNSEEN, connect, license_secret, secret_key
from tests.rules.judging import fix_of, only

RULE = "license-secret-key-missing"


def finding(*keys: SecretKey, **secret: Any) -> Finding:
    helm = secret.pop("helm", None)
    facets = {"license_secrets": (license_secret(*keys, **secret),)}
    return only(RULE, connect(**facets) if helm is None else connect(helm=helm, **facets))


def chosen(*keys: SecretKey, **secret: Any) -> list[Any]:
    return [edit.value for action in fix_of(finding(*keys, **secret)).actions for edit in action.edits]


def test_fails_when_the_key_has_another_name() -> None:
    found = finding(secret_key("rstudio-connect.lic"))
    assert found.result is Result.FAILED
    assert (found.evidence[0].observed, found.evidence[0].expected) == ("rstudio-connect.lic", "license.lic")


def test_fails_when_the_secret_has_no_keys_at_all() -> None:
    secret = license_secret(secret_key("gone"))
    empty = type(secret)(ref=secret.ref, source="file", key="license.lic", exists=True, keys=())
    assert only(RULE, connect(license_secrets=(empty,))).result is Result.FAILED


def test_its_fix_sets_secret_key_to_the_sole_key() -> None:
    (action,) = fix_of(finding(secret_key("rstudio-connect.lic"))).actions
    assert [(edit.op, edit.path) for edit in action.edits] == [("set", ("license", "file", "secretKey"))]
    assert chosen(secret_key("rstudio-connect.lic")) == ["rstudio-connect.lic"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((secret_key("a.lic"), secret_key("password")), ["a.lic"]),
        ((secret_key("a.lic"), secret_key("b", empty=True)), ["a.lic"]),
        ((secret_key("a.lic"), secret_key("b.lic")), []),
        ((secret_key("a"), secret_key("b")), []),
        ((secret_key("a.lic", empty=True),), []),
    ],
)
def test_its_fix_never_guesses_between_keys(keys: SecretKey, expected: Any) -> None:
    assert chosen(*keys) == expected


def test_it_has_no_fix_for_a_license_key() -> None:
    assert chosen(secret_key("other"), source="key", key="rstudio-connect") == []


def test_it_has_no_fix_where_the_values_were_not_seen() -> None:
    assert chosen(secret_key("a.lic"), helm=UNSEEN) == []


def test_passes_when_the_key_is_there_beside_others() -> None:
    assert finding(secret_key("license.lic"), secret_key("other")).result is Result.PASSED


def test_passes_over_a_secret_that_is_not_there() -> None:
    assert finding(exists=False).result is Result.PASSED


def test_cannot_tell_without_seeing_secrets() -> None:
    assert only(RULE, connect(license_secrets=UNSEEN)).result is Result.UNKNOWN


LICENSE_KEY = "KQ7M-Z2XA-9PLT-04VB-WW3E-6HJC-RN5D"


@pytest.mark.parametrize("rule", ["license-secret-key-missing", "license-secret-key-empty", "license-secret-missing"])
@pytest.mark.parametrize("asked", [f"2026-12-15_pm_acme_{LICENSE_KEY}.lic", "license.lic"])
def test_the_license_key_in_a_files_name_is_in_no_finding(rule: str, asked: str) -> None:
    there = secret_key(f"2026-12-15_pm_acme_{LICENSE_KEY}.lic", empty=rule.endswith("empty"))
    exists = rule != "license-secret-missing"
    secret = license_secret(*((there,) if exists else ()), key=asked, exists=exists)
    found = only(rule, connect(license_secrets=(secret,)))
    assert "KQ7M" not in repr(found)
    if found.result is Result.FAILED and "2026" in repr(found):
        assert "2026-12-15_pm_acme_****.lic" in repr(found)
