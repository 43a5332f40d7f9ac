from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import LAUNCHER, UNSEEN, config, connect
from tests.rules.judging import only

RULE = "direct-runner-connect-too-old"


@pytest.mark.parametrize("version", ["2026.03.1", "2025.12.0"])
def test_fails_before_the_direct_runners_first_version(version: Any) -> None:
    assert only(RULE, connect(product_version=version)).result is Result.FAILED


def test_passes_from_its_first_version_on() -> None:
    assert only(RULE, connect(product_version="2026.04.0")).result is Result.PASSED


def test_passes_with_the_launcher() -> None:
    assert only(RULE, connect(config=config(gcfg=LAUNCHER), product_version="2023.01.0")).result is Result.PASSED


@pytest.mark.parametrize("version", [UNSEEN, "latest"])
def test_cannot_tell_without_connects_version(version: Any) -> None:
    finding = only(RULE, connect(product_version=version))
    assert finding.result is Result.UNKNOWN
    assert finding.how
