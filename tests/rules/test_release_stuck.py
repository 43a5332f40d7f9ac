from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from auditor.model.finding import Result
from auditor.model.helm import HelmStatus
from tests.builders import UNSEEN, helm_record, package_manager
from tests.rules.judging import only

RULE = "release-stuck"


@pytest.mark.parametrize(
    "status",
    [HelmStatus.PENDING_INSTALL, HelmStatus.PENDING_UPGRADE, HelmStatus.PENDING_ROLLBACK, HelmStatus.UNINSTALLING],
)
def test_fails_in_the_middle_of_an_operation(status: HelmStatus) -> None:
    assert only(RULE, package_manager(helm=helm_record(status=status))).result is Result.FAILED


def test_fails_with_the_time_at_which_it_began() -> None:
    began = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
    record = msgspec.structs.replace(helm_record(status=HelmStatus.PENDING_UPGRADE), updated=began)
    assert "since 2026-11-21 02:30:00 UTC" in only(RULE, package_manager(helm=record)).message


@pytest.mark.parametrize(
    ("minutes", "result"), [(-1, Result.UNKNOWN), (14, Result.UNKNOWN), (16, Result.FAILED), (3000, Result.FAILED)]
)
def test_cannot_tell_whether_an_operation_that_has_just_begun_ends(minutes: int, result: Result) -> None:
    began = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
    record = msgspec.structs.replace(helm_record(status=HelmStatus.PENDING_UPGRADE), updated=began)
    state = package_manager(helm=record, seen_at=began + timedelta(minutes=minutes))
    assert only(RULE, state).result is result


@pytest.mark.parametrize("status", [HelmStatus.DEPLOYED, HelmStatus.FAILED])
def test_passes_when_the_operation_ended(status: HelmStatus) -> None:
    assert only(RULE, package_manager(helm=helm_record(status=status))).result is Result.PASSED


def test_cannot_tell_when_the_record_could_not_be_read() -> None:
    assert only(RULE, package_manager(helm=UNSEEN)).result is Result.UNKNOWN
