from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import UNSEEN, connect, content
from tests.rules.judging import only

RULE = "launcher-in-use"
LAUNCHER = content(mode="launcher")


@pytest.mark.parametrize("version", ["2026.04.0", "2026.08.0"])
def test_fails_where_the_direct_runner_is_possible(version: Any) -> None:
    assert only(RULE, connect(content=LAUNCHER, product_version=version)).result is Result.FAILED


def test_passes_where_connect_is_too_old_for_it() -> None:
    assert only(RULE, connect(content=LAUNCHER, product_version="2026.03.1")).result is Result.PASSED


@pytest.mark.parametrize("mode", ["direct", "local"])
def test_passes_without_the_launcher(mode: str) -> None:
    assert only(RULE, connect(content=content(mode=mode))).result is Result.PASSED


@pytest.mark.parametrize("version", [UNSEEN, "jammy"])
def test_cannot_tell_without_connects_version(version: Any) -> None:
    assert only(RULE, connect(content=LAUNCHER, product_version=version)).result is Result.UNKNOWN


def test_cannot_tell_without_the_configuration() -> None:
    assert only(RULE, connect(content=UNSEEN)).result is Result.UNKNOWN
