import msgspec
import pytest

from auditor.model.action import ChangeOwnership, ScaleWorkload, UpgradeRelease
from auditor.model.finding import Result
from auditor.model.helm import HelmStatus
from auditor.model.ownership import Owner
from auditor.model.seen import Unseen
from tests.builders import (
    CONNECT,
    PACKAGE_MANAGER,
    UNSEEN,
    connect,
    helm_record,
    pod_spec,
    probe,
    target,
    volume,
    workload,
    wrong_owner,
)
from tests.rules.judging import fix_of, only
from tests.rules.upgrades import as_root, asked, upgraded

RULE = "chart-not-at-target"
STORAGE = {"sharedStorage": {"create": True, "mount": True}}
FOR_999 = msgspec.structs.replace(probe(wrong_owner(7), root_activations=("verify",)), for_version="0.20.4")


def test_fails_with_both_versions_and_how_many_keys_mind() -> None:
    found = only(RULE, upgraded(CONNECT, "0.7.4", "0.21.0", {**STORAGE, "launcher": {"enabled": True}}))
    assert found.result is Result.FAILED
    assert "is at chart 0.7.4, and 0.21.0 is asked for; of its keys, 1 refused" in found.message


def test_its_fix_is_one_upgrade_where_nothing_else_changes() -> None:
    values = {**STORAGE, "launcher": {"enabled": True}}
    (action,) = fix_of(only(RULE, upgraded(CONNECT, "0.7.4", "0.21.0", values))).actions
    assert isinstance(action, UpgradeRelease)
    assert (action.from_version, action.to_version, action.wait) == ("0.7.4", "0.21.0", True)


def test_the_values_themselves_are_in_no_word_of_it() -> None:
    values = {**STORAGE, "config": {"Postgres": {"Password": "canary-7f"}}, "launcher": {"enabled": True}}
    assert "canary-7f" not in repr(only(RULE, upgraded(CONNECT, "0.7.4", "0.21.0", values)))


def test_a_server_that_leaves_root_is_stopped_while_its_files_change_their_owner() -> None:
    stop, own, upgrade, start = fix_of(only(RULE, as_root(ownership=(FOR_999,)))).actions
    assert isinstance(stop, ScaleWorkload)
    assert isinstance(start, ScaleWorkload)
    assert (stop.before, stop.replicas, start.before, start.replicas) == (1, 0, 0, 1)
    assert stop.marks == start.marks == {"posit-audit/replicas": "1", "posit-audit/ownership-worker": "python"}
    assert isinstance(own, ChangeOwnership)
    assert (own.owner, own.after_stop, own.move_aside) == (Owner(999, 999), True, ("verify",))
    assert isinstance(upgrade, UpgradeRelease)


def test_where_an_earlier_run_stopped_the_server_it_goes_on_without_a_look() -> None:
    marks = {"posit-audit/replicas": "3", "posit-audit/ownership-worker": "posix"}
    stopped = workload(spec=pod_spec(PACKAGE_MANAGER, securityContext={}), replicas=0, marks=marks)
    nobody = probe(problem=Unseen(reason="No pod runs."))
    own, upgrade, start = fix_of(only(RULE, as_root(workload=stopped, ownership=(nobody,), pods=()))).actions
    assert isinstance(own, ChangeOwnership)
    assert not own.placement.python
    assert isinstance(upgrade, UpgradeRelease)
    assert upgrade.wait
    assert isinstance(start, ScaleWorkload)
    assert (start.replicas, start.marks) == (3, marks)


def test_it_is_held_where_the_files_could_not_be_looked_at() -> None:
    fix = fix_of(only(RULE, as_root(ownership=(probe(problem=Unseen(reason="No pod runs.")),))))
    assert not fix.actions
    assert "No pod runs." in fix.summary


def test_it_is_held_where_the_storage_lets_nobody_change_owners() -> None:
    smb = volume({"csi": {"driver": "smb.csi.k8s.io"}})
    fix = fix_of(only(RULE, as_root(ownership=(FOR_999,), volumes=(smb,))))
    assert not fix.actions
    assert "Ownership can't be changed" in fix.summary


def test_it_is_held_with_every_question_that_only_a_person_can_decide() -> None:
    fix = fix_of(only(RULE, upgraded(CONNECT, "0.7.4", "0.21.0")))
    assert not fix.actions
    assert "sharedStorage" in fix.summary


@pytest.mark.parametrize(("version", "turned_off"), [("0.5.29", True), ("0.20.4", False)])
def test_the_charts_own_hook_is_turned_off_where_the_chart_turns_it_on(version: str, turned_off: bool) -> None:
    state = upgraded(PACKAGE_MANAGER, "0.4.0", version, STORAGE)
    (upgrade,) = fix_of(only(RULE, state)).actions
    assert isinstance(upgrade, UpgradeRelease)
    assert [(edit.path, edit.value) for edit in upgrade.settings] == [(("enableMigration",), False)] * turned_off


def test_the_owner_is_the_one_that_the_values_name() -> None:
    values = {"pod": {"containerSecurityContext": {"runAsUser": 1200, "runAsGroup": 1300}}}
    state = upgraded(PACKAGE_MANAGER, "0.3.9", "0.20.4", values)
    assert getattr(state.target, "owner", None) == Owner(1200, 1300)


def test_a_user_without_a_group_is_no_guess() -> None:
    values = {"pod": {"containerSecurityContext": {"runAsUser": 1200}}}
    spec = pod_spec(PACKAGE_MANAGER, securityContext={})
    state = upgraded(PACKAGE_MANAGER, "0.3.9", "0.20.4", values, workload=workload(spec=spec), ownership=(FOR_999,))
    fix = fix_of(only(RULE, state))
    assert not fix.actions
    assert "runAsGroup" in fix.summary


def test_passes_at_the_version_that_was_asked_for() -> None:
    assert only(RULE, connect(target=target(CONNECT))).result is Result.PASSED


def test_fails_where_the_upgrade_to_it_failed_and_leaves_the_fix_to_the_failure() -> None:
    state = connect(target=target(CONNECT), helm=helm_record(CONNECT, status=HelmStatus.FAILED))
    found = only(RULE, state)
    assert found.result is Result.FAILED
    assert "Revision 3 of release" in found.message
    assert (fix_of(found).actions, fix_of(found).follows) == ((), "release-failed")


@pytest.mark.parametrize("facets", [{"helm": None}, {"helm": UNSEEN}])
def test_cannot_tell_without_helms_record(facets: dict[str, None]) -> None:
    state = connect(**facets)
    found = only(RULE, connect(target=asked(state, "0.21.0"), **facets))
    assert found.result is Result.UNKNOWN
    assert found.how


def test_cannot_tell_the_way_back_to_an_older_chart() -> None:
    found = only(RULE, upgraded(CONNECT, "0.21.0", "0.20.0", STORAGE))
    assert found.result is Result.UNKNOWN
    assert "newer than 0.20.0" in found.message


def test_cannot_tell_while_helm_is_on_its_way_there() -> None:
    record = helm_record(PACKAGE_MANAGER, status=HelmStatus.PENDING_UPGRADE, chart_version="0.20.4")
    found = only(RULE, upgraded(PACKAGE_MANAGER, "0.20.4", "0.20.4", helm=record))
    assert found.result is Result.UNKNOWN
    assert "Revision 3 of release posit/rstudio-pm has chart 0.20.4 and is pending-upgrade" in found.message
