"""Steps that depend on each other are held back together, and what does not depend on them is not."""

from __future__ import annotations

import pytest

from auditor.model.finding import Finding
from auditor.model.snapshot import ReleaseRef
from auditor.planning.groups import groups, hold, with_dependents
from tests.steps import label, ownership, patch, planned, scale, upgrade, wanting

ONE, TWO = ReleaseRef("a", "one"), ReleaseRef("b", "two")
UPGRADE = wanting(
    *(scale(1, 0, "a"), ownership(namespace="a", after_stop=True)),
    *(upgrade("one", "a"), scale(0, 1, "a")),
    release=ONE,
    rule="chart-not-at-target",
)
LABEL = wanting(label(namespace="a"), release=ONE, rule="unlabelled")
PATCH = wanting(patch(release="two", namespace="b"), release=TWO, rule="value-removed")
OWN = wanting(ownership(namespace="b"), release=TWO, rule="wrong-owner")
STOP, OWNERS = "scale-workload:a/rstudio-pm:0", "change-ownership:a/rstudio-pm-shared-storage"
HELM, START = "helm-upgrade:a/one", "scale-workload:a/rstudio-pm:1"


def ids(*findings: Finding) -> list[list[str]]:
    return [[step.id for step in group] for group in groups(planned(*findings).steps)]


def test_what_lies_between_stop_and_start_is_one_group_and_a_label_is_its_own() -> None:
    plan = planned(UPGRADE, LABEL)
    own = [step.id for step in plan.steps if step.id.startswith("change-")]
    assert ids(UPGRADE, LABEL) == [["label-service-account:a/content"], [STOP, *own, HELM, START]]


def test_an_upgrade_binds_the_owners_of_its_release_without_a_stop_too() -> None:
    plan = wanting(upgrade("two", "b"), release=TWO)
    assert [len(group) for group in ids(plan, OWN)] == [2]


def test_beside_a_running_server_each_step_is_useful_alone() -> None:
    assert [len(group) for group in ids(PATCH, OWN)] == [1, 1]


def test_releases_do_not_depend_on_each_other() -> None:
    assert sorted(map(len, ids(UPGRADE, LABEL, PATCH, OWN))) == [1, 1, 1, 4]
    assert groups(()) == ()


def test_steps_of_a_release_are_one_group_wherever_a_kept_plan_has_them() -> None:
    stop, own, helm, start = planned(UPGRADE).steps
    (other,) = planned(PATCH).steps
    assert [len(group) for group in groups((stop, own, other, helm, start))] == [4, 1]


@pytest.mark.parametrize("refused", [STOP, HELM, START])
def test_one_step_of_a_group_takes_the_others_along(refused: str) -> None:
    plan = planned(UPGRADE, LABEL, PATCH)
    assert len(with_dependents(plan.steps, [refused])) == 4
    held = hold(plan, (UPGRADE, LABEL, PATCH), {refused: "No."})
    assert [step.id for step in held.steps] == ["label-service-account:a/content", "helm-upgrade:b/two"]
    (finding,) = held.held
    assert (finding.rule, finding.step) == ("chart-not-at-target", refused)
    assert finding.reason == f"Step {refused} would be refused: No."


def test_a_finding_whose_step_only_depends_on_the_refused_one_says_so() -> None:
    owners = wanting(ownership(namespace="a"), release=ONE, rule="wrong-owner")
    held = hold(planned(UPGRADE, owners), (UPGRADE, owners), {HELM: "No."})
    assert held.steps == ()
    reasons = {each.rule: each.reason for each in held.held}
    assert reasons["wrong-owner"] == f"Its steps depend on {HELM}, which would be refused: No."


def test_what_is_held_already_stays_and_nothing_refused_changes_nothing() -> None:
    by_hand = wanting(rule="by-hand", release=ONE)
    plan = planned(LABEL, by_hand)
    assert hold(plan, (LABEL, by_hand), {}) == plan
    held = hold(plan, (LABEL, by_hand), {"label-service-account:a/content": "No."})
    assert [each.rule for each in held.held] == ["by-hand", "unlabelled"]


def test_two_steps_of_a_group_that_are_refused_are_told_by_the_first() -> None:
    plan = planned(UPGRADE)
    held = hold(plan, (UPGRADE,), {STOP: "One.", HELM: "Two."})
    assert [each.step for each in held.held] == [STOP]
