"""An upgrade among the other steps of its release."""

from __future__ import annotations

import pytest

from auditor.model.action import UpgradeRelease
from auditor.model.finding import Fix, Severity
from auditor.model.helm import HelmStatus
from auditor.model.migration import Note
from auditor.verify import verify
from tests.builders import finding, helm_record, package_manager, snapshot
from tests.steps import edit, label, outcome, ownership, patch, planned, scale, upgrade, wanting

WHOLE = (scale(2, 0), ownership(after_stop=True), upgrade(), scale(0, 2))
ASKED = wanting(*WHOLE, rule="chart-not-at-target")


def kinds(*findings: object) -> list[str]:
    return [step.id.partition(":")[0] for step in planned(*findings).steps]  # type: ignore[arg-type]


def test_labels_stop_own_upgrade_start() -> None:
    assert kinds(ASKED, wanting(label())) == [
        "label-service-account",
        "scale-workload",
        "change-ownership",
        "helm-upgrade",
        "scale-workload",
    ]
    steps = planned(ASKED).steps
    assert [step.title.split()[0] for step in steps] == ["Stop", "Give", "Upgrade", "Start"]


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.INFO])
def test_patches_of_values_ride_on_the_upgrade(severity: Severity) -> None:
    """Helm runs once, and the second scan judges the patches' findings by that step."""
    patched = wanting(patch(edit("delete", "old")), rule="a-patch", severity=severity)
    plan = planned(ASKED, patched)
    (step,) = [step for step in plan.steps if isinstance(step.action, UpgradeRelease)]
    assert step.id == "helm-upgrade:posit/rstudio-pm"
    assert step.rules == ("a-patch", "chart-not-at-target")
    assert isinstance(step.action, UpgradeRelease)
    assert [one.path for one in step.action.edits] == [("old",)]
    assert len(plan.steps) == 4
    verdicts = verify(plan, (ASKED, patched), (), tuple(outcome(step) for step in plan.steps))
    assert {verdict.rule for verdict in verdicts if step.id in verdict.steps} == {"a-patch", "chart-not-at-target"}


def test_what_the_upgrade_settles_is_told_in_its_step_and_nowhere_else() -> None:
    follower = finding("upgrade-changes", fix=Fix(summary="Agree to it.", follows="chart-not-at-target"))
    assert planned(ASKED, follower).held == ()


def test_what_would_follow_a_rule_that_was_not_asked_is_held() -> None:
    follower = finding("upgrade-changes", fix=Fix(summary="Agree to it.", follows="chart-not-at-target"))
    assert [held.reason for held in planned(follower).held] == ["Agree to it."]


def test_an_upgrade_waits_for_another_helm_operation() -> None:
    pending = helm_record(status=HelmStatus.PENDING_UPGRADE)
    plan = planned(ASKED, state=snapshot(package_manager(helm=pending)))
    assert plan.steps == ()
    assert "pending-upgrade" in plan.held[0].reason


def test_its_diff_tells_where_keys_go_and_no_value() -> None:
    action = upgrade(
        notes=(
            Note(kind="moved", key="launcher.x", to="backends.x", message="moved"),
            Note(kind="dropped", key="old", message="nobody reads it"),
        ),
        settings=(edit("set", "enableMigration", value=False),),
        changes=tuple(f"key{number}: the default moves" for number in range(20)),
    )
    (step,) = planned(wanting(action)).steps
    assert "-   launcher.x" in step.diff
    assert "+   backends.x (moved)" in step.diff
    assert "-   old  # nobody reads it" in step.diff
    assert "+   enableMigration: false" in step.diff
    assert sum(line.startswith("~") for line in step.diff) == 13
    assert any(line.startswith("~   and 8 more") for line in step.diff)
