from auditor.model.finding import Result
from tests.builders import PACKAGE_MANAGER_DEFAULTS, UNSEEN, helm_record, package_manager
from tests.rules.judging import fix_of, only

RULE = "upgrade-hook-enabled"
ON_BY_DEFAULT = PACKAGE_MANAGER_DEFAULTS | {"enableMigration": True}


def test_fails_when_the_chart_runs_it_by_default() -> None:
    finding = only(RULE, package_manager(helm=helm_record(values={}, defaults=ON_BY_DEFAULT)))
    (action,) = fix_of(finding).actions
    assert finding.result is Result.FAILED
    assert [(edit.op, edit.path, edit.value) for edit in action.edits] == [("set", ("enableMigration",), False)]


def test_fails_when_the_values_turn_it_on() -> None:
    finding = only(RULE, package_manager(helm=helm_record(values={"enableMigration": True})))
    assert finding.result is Result.FAILED


def test_its_fix_is_not_made_unasked() -> None:
    finding = only(RULE, package_manager(helm=helm_record(values={"enableMigration": True})))
    assert not fix_of(finding).safe


def test_passes_when_the_values_turn_it_off() -> None:
    finding = only(RULE, package_manager(helm=helm_record(values={"enableMigration": False}, defaults=ON_BY_DEFAULT)))
    assert finding.result is Result.PASSED


def test_passes_without_storage_for_it_to_walk() -> None:
    record = helm_record(values={"enableMigration": True})
    assert only(RULE, package_manager(helm=record, claims=())).result is Result.PASSED


def test_passes_where_the_misspelled_key_already_asks_to_turn_it_off() -> None:
    record = helm_record(values={"enableMigrations": False}, defaults=ON_BY_DEFAULT)
    assert only(RULE, package_manager(helm=record)).result is Result.PASSED


def test_cannot_tell_without_the_values() -> None:
    assert only(RULE, package_manager(helm=UNSEEN)).result is Result.UNKNOWN
