from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import UNSEEN, claim, connect, package_manager
from tests.rules.judging import only, results

RULE = "claim-missing"


@pytest.mark.parametrize("product", [connect, package_manager])
def test_fails_when_the_claim_is_not_there(product: Any) -> None:
    finding = only(RULE, product(claims=(claim(exists=False),)))
    assert finding.result is Result.FAILED
    assert finding.object == claim().ref


def test_fails_once_for_each_claim() -> None:
    claims = (claim(name="a", exists=False), claim(name="b"), claim(name="c", exists=False))
    assert results(RULE, package_manager(claims=claims)) == [Result.FAILED, Result.FAILED]


def test_passes_when_the_claim_is_there() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_cannot_tell_without_seeing_claims() -> None:
    assert only(RULE, package_manager(claims=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_whether_the_values_ask_for_another_claim_without_seeing_them() -> None:
    assert only(RULE, package_manager(helm=UNSEEN)).result is Result.UNKNOWN
    assert only(RULE, package_manager(helm=None)).result is Result.PASSED
