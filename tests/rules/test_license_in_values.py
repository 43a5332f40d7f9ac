from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import connect, helm_record
from tests.rules.judging import only

RULE = "license-in-values"
CANARY = "canary-AAAA-BBBB"


@pytest.mark.parametrize("license_", [{"key": CANARY}, {"file": {"contents": CANARY}}])
def test_fails_without_telling_the_license(license_: Any) -> None:
    finding = only(RULE, connect(helm=helm_record(values={"license": license_})))
    assert finding.result is Result.FAILED
    assert "canary" not in repr(finding)


def test_fails_with_both_keys_as_evidence() -> None:
    record = helm_record(values={"license": {"key": CANARY, "file": {"contents": CANARY}}})
    finding = only(RULE, connect(helm=record))
    assert [evidence.field for evidence in finding.evidence] == ["license.key", "license.file.contents"]


def test_fails_for_a_key_in_the_pods_environment_and_not_for_what_names_a_secret() -> None:
    named = {"name": "PCT_LICENSE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    env = [{"name": "RSC_LICENSE", "value": CANARY}, named, {"name": "OTHER", "value": "x"}]
    finding = only(RULE, connect(helm=helm_record(values={"pod": {"env": env}})))
    assert [evidence.field for evidence in finding.evidence] == ["pod.env RSC_LICENSE"]
    assert "canary" not in repr(finding)
    assert only(RULE, connect(helm=helm_record(values={"pod": {"env": [named]}}))).result is Result.PASSED


@pytest.mark.parametrize("license_", [{"file": {"secret": "mine"}}, {"key": None, "file": {"contents": False}}, None])
def test_passes_when_a_secret_is_named_or_nothing_is_set(license_: Any) -> None:
    assert only(RULE, connect(helm=helm_record(values={"license": license_}))).result is Result.PASSED


def test_cannot_tell_of_an_install_without_helm() -> None:
    assert only(RULE, connect(helm=None)).result is Result.UNKNOWN
