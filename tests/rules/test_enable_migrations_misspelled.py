from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from tests.builders import UNSEEN, helm_record, package_manager
from tests.rules.judging import fix_of, only

RULE = "enable-migrations-misspelled"


def finding(**values: Any) -> Finding:
    return only(RULE, package_manager(helm=helm_record(values=values)))


def edit(**values: Any) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    (action,) = fix_of(finding(**values)).actions
    (found,) = action.edits
    return found.op, found.path, found.to


def test_fails_and_renames_what_was_meant_to_turn_the_hook_off() -> None:
    assert finding(enableMigrations=False).result is Result.FAILED
    assert edit(enableMigrations=False) == ("rename", ("enableMigrations",), ("enableMigration",))


def test_fails_and_deletes_what_would_turn_the_hook_on() -> None:
    assert edit(enableMigrations=True) == ("delete", ("enableMigrations",), ())


def test_fails_and_deletes_it_beside_the_right_key() -> None:
    assert edit(enableMigrations=False, enableMigration=True)[0] == "delete"


@pytest.mark.parametrize("value", ["false", None, {"on": True}])
def test_fails_and_leaves_to_a_person_what_is_neither_true_nor_false(value: Any) -> None:
    assert fix_of(finding(enableMigrations=value)).actions == ()


def test_the_patch_names_the_revision_that_it_is_for() -> None:
    (action,) = fix_of(finding(enableMigrations=False)).actions
    assert (action.revision, action.chart, action.chart_version) == (3, "rstudio-pm", "0.20.4")


def test_passes_with_the_right_spelling() -> None:
    assert finding(enableMigration=True).result is Result.PASSED


def test_cannot_tell_without_the_values() -> None:
    assert only(RULE, package_manager(helm=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_of_an_install_without_helm() -> None:
    without = only(RULE, package_manager(helm=None))
    assert without.result is Result.UNKNOWN
    assert "Argo CD" in without.how
