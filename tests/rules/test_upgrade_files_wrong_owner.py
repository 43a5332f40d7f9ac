import msgspec
import pytest

from auditor.model.action import ScaleWorkload, UpgradeRelease
from auditor.model.finding import Result
from auditor.model.helm import HelmStatus
from auditor.model.seen import Unseen
from tests.builders import PACKAGE_MANAGER, efs_access_point, helm_record, probe, wrong_owner
from tests.rules.judging import fix_of, only, results
from tests.rules.upgrades import as_root, upgraded

RULE = "upgrade-files-wrong-owner"


def for_target(*wrong: object, **fields: object) -> object:
    return msgspec.structs.replace(probe(*wrong, **fields), for_version="0.20.4")  # type: ignore[arg-type]


def test_fails_with_the_number_of_files_that_the_new_user_does_not_own() -> None:
    found = only(RULE, as_root(ownership=(for_target(wrong_owner(2000)),)))
    assert found.result is Result.FAILED
    assert "as 999:999, and 2,000 of 2,013 entries" in found.message
    assert fix_of(found).follows == "chart-not-at-target"


def test_what_is_right_for_root_today_is_no_fault_of_today() -> None:
    state = as_root(ownership=(for_target(wrong_owner(2000), root_activations=("verify",)),))
    assert results("volume-files-wrong-owner", state) == [Result.PASSED]
    assert results("root-license-activations", state) == [Result.PASSED]


def test_passes_where_the_files_are_the_new_users_already() -> None:
    assert results(RULE, as_root(ownership=(for_target(),))) == [Result.PASSED]


def test_passes_where_the_storage_does_everything_as_its_own_user_and_nothing_is_re_owned() -> None:
    state = as_root(ownership=(for_target(wrong_owner(5)),), volumes=(efs_access_point(),))
    assert results(RULE, state) == [Result.PASSED]
    kinds = [type(action) for action in fix_of(only("chart-not-at-target", state)).actions]
    assert kinds == [ScaleWorkload, UpgradeRelease, ScaleWorkload]


@pytest.mark.parametrize("status", [HelmStatus.FAILED, HelmStatus.PENDING_UPGRADE])
def test_cannot_tell_at_a_revision_that_helm_did_not_bring_to_its_end(status: HelmStatus) -> None:
    record = helm_record(chart_version="0.20.4", status=status)
    state = upgraded(PACKAGE_MANAGER, "0.20.4", "0.20.4", helm=record)
    assert results(RULE, state) == [Result.UNKNOWN]


def test_cannot_tell_of_what_was_not_looked_at() -> None:
    cut_off = only(RULE, as_root(ownership=(for_target(exhaustive=False),)))
    assert cut_off.result is Result.UNKNOWN
    assert "the rest was not looked at" in cut_off.message
    sampled = as_root(ownership=(for_target(exhaustive=False, detectable_share=0.002),))
    assert "with 95 % where they are 0.2%" in only(RULE, sampled).message


def test_passes_where_the_server_keeps_its_user() -> None:
    state = upgraded(PACKAGE_MANAGER, "0.4.0", "0.20.4", {}, ownership=(probe(wrong_owner(5)),))
    assert results(RULE, state) == [Result.PASSED]


def test_cannot_tell_where_nobody_could_look() -> None:
    assert results(RULE, as_root(ownership=(probe(problem=Unseen(reason="No pod.")),))) == [Result.UNKNOWN]
