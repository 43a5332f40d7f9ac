from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import LAUNCHER, UNSEEN, config, connect
from tests.rules.judging import only

RULE = "launcher-in-use"
USED = config(gcfg=LAUNCHER)


@pytest.mark.parametrize("version", ["2026.04.0", "2026.08.0"])
def test_fails_where_the_direct_runner_is_possible(version: Any) -> None:
    assert only(RULE, connect(config=USED, product_version=version)).result is Result.FAILED


def test_passes_where_connect_is_too_old_for_it() -> None:
    assert only(RULE, connect(config=USED, product_version="2026.03.1")).result is Result.PASSED


@pytest.mark.parametrize("section", ["Kubernetes", "Other"])
def test_passes_without_the_launcher(section: str) -> None:
    other = config(gcfg={section: {"Enabled": ("true",)}})
    assert only(RULE, connect(config=other)).result is Result.PASSED


def test_passes_whoever_may_see_what_content_runs() -> None:
    assert only(RULE, connect(content=UNSEEN)).result is Result.PASSED


@pytest.mark.parametrize("version", [UNSEEN, "jammy"])
def test_cannot_tell_without_connects_version(version: Any) -> None:
    assert only(RULE, connect(config=USED, product_version=version)).result is Result.UNKNOWN


def test_cannot_tell_without_the_configuration() -> None:
    assert only(RULE, connect(config=UNSEEN)).result is Result.UNKNOWN
