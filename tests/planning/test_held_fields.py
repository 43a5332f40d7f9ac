"""An upgrade that would conflict with other field managers: handed back before it, overruled by it, or held."""

from __future__ import annotations

import pytest

from auditor.model.action import HandBackFields, PatchValues, UpgradeRelease
from auditor.model.finding import Fix
from auditor.model.held import HeldField
from auditor.model.plan import Plan
from auditor.planning import plan
from auditor.planning.handing_back import with_hand_backs
from tests.builders import UNSEEN, finding, held_field, helm_record, object_ref, package_manager, snapshot
from tests.steps import label, ownership, patch, scale, upgrade, wanting

BY_HAND = held_field(subresource="scale")
SERVICE = held_field(object=object_ref("Service", "rstudio-pm"), path=("f:spec", "f:type"), manager="kubectl-edit")
AUTOSCALED = held_field(manager="kube-controller-manager", subresource="scale")
UNKNOWN = held_field(manager="our-operator", path=("f:spec", "f:paused"), observed=True, expected=False)
WHOLE = wanting(scale(2, 0), ownership(after_stop=True), upgrade(), scale(0, 2), rule="chart-not-at-target")
HANDED_BACK = wanting(
    HandBackFields(object=BY_HAND.object, uid=BY_HAND.uid, fields=(BY_HAND,)), rule="fields-held-by-another-manager"
)


def planned(
    *held: HeldField, unsafe: bool = False, helm_major: int | None = 4, apply_method: str = "ssa", own: bool = True
) -> Plan:
    state = snapshot(package_manager(held_fields=held, helm=helm_record(apply_method=apply_method)))
    findings = (WHOLE, wanting(label()), *((HANDED_BACK,) if own and BY_HAND in held else ()))
    return with_hand_backs(plan(state, findings, unsafe=unsafe, helm_major=helm_major), state)


def kinds(made: Plan) -> list[str]:
    return [step.id.partition(":")[0] for step in made.steps]


def upgrade_of(made: Plan) -> UpgradeRelease:
    (action,) = (step.action for step in made.steps if isinstance(step.action, UpgradeRelease))
    return action


@pytest.mark.parametrize("own", [True, False], ids=["its rule asked too", "its rule was not asked"])
def test_what_a_person_holds_is_handed_back_before_the_upgrade(own: bool) -> None:
    made = planned(BY_HAND, own=own)
    ids = kinds(made)
    assert ids.count("hand-back-fields") == 1
    assert ids.index("hand-back-fields") < ids.index("scale-workload") < ids.index("helm-upgrade")
    assert upgrade_of(made).handed_back == (BY_HAND,)
    assert upgrade_of(made).overruled == ()
    (step,) = (step for step in made.steps if isinstance(step.action, HandBackFields))
    assert step.diff == (
        "  managedFields of Deployment posit/rstudio-pm",
        "-   .spec.replicas: held by kubectl (Update)",
        "+   .spec.replicas: held by no manager; it stays 3, and the next helm upgrade sets it to 1",
    )


def test_each_object_is_a_step_of_its_own() -> None:
    made = planned(BY_HAND, SERVICE)
    assert [step.id for step in made.steps if isinstance(step.action, HandBackFields)] == [
        "hand-back-fields:service/posit/rstudio-pm",
        "hand-back-fields:deployment/posit/rstudio-pm",
    ]
    assert upgrade_of(made).handed_back == (BY_HAND, SERVICE)


def test_a_secret_value_is_in_no_step() -> None:
    made = planned(held_field(manager="kubectl", shown=False, observed=None, expected=None))
    (step,) = (step for step in made.steps if isinstance(step.action, HandBackFields))
    assert step.diff[2].endswith("its value stays, and the next helm upgrade sets it to the chart's value")


@pytest.mark.parametrize("unsafe", [False, True])
def test_what_a_controller_sets_holds_the_whole_upgrade(unsafe: bool) -> None:
    made = planned(AUTOSCALED, unsafe=unsafe)
    assert kinds(made) == ["label-service-account"]
    (held,) = made.held
    assert held.rule == "chart-not-at-target"
    assert (
        ".spec.replicas of Deployment posit/rstudio-pm is 3 by kube-controller-manager, 1 by the chart" in held.reason
    )
    assert "Set the values key replicas to that value." in held.reason
    assert "--unsafe" not in held.reason


def test_what_an_unknown_manager_holds_is_overruled_only_unsafely() -> None:
    (held,) = planned(UNKNOWN).held
    assert held.reason.endswith("or let the upgrade overrule it: --unsafe.")
    made = planned(UNKNOWN, BY_HAND, unsafe=True)
    assert upgrade_of(made).overruled == (UNKNOWN,)
    assert upgrade_of(made).handed_back == (BY_HAND,)
    (step,) = (step for step in made.steps if isinstance(step.action, UpgradeRelease))
    assert step.diff[-2:] == (
        "  conflicts that Helm overrules (--force-conflicts), these and no others",
        "!   .spec.paused of Deployment posit/rstudio-pm is True by our-operator, False by the chart",
    )


def test_a_patch_of_values_is_held_and_settled_alike() -> None:
    state = snapshot(package_manager(held_fields=(BY_HAND,), helm=helm_record(apply_method="ssa")))
    made = with_hand_backs(plan(state, (wanting(patch()),)), state)
    assert kinds(made) == ["hand-back-fields", "helm-upgrade"]
    (action,) = (step.action for step in made.steps if isinstance(step.action, PatchValues))
    assert action.handed_back == (BY_HAND,)


def test_nothing_is_added_without_an_upgrade_or_without_conflicts() -> None:
    assert kinds(planned()) == kinds(planned(own=False))
    assert "hand-back-fields" not in kinds(planned())
    state = snapshot(package_manager(held_fields=(BY_HAND,)))
    assert kinds(with_hand_backs(plan(state, (wanting(label()),)), state)) == ["label-service-account"]


def test_fields_that_could_not_be_seen_hold_nothing() -> None:
    """The rehearsal on the API server finds them."""
    state = snapshot(package_manager(held_fields=UNSEEN, helm=helm_record(apply_method="ssa")))
    made = with_hand_backs(plan(state, (WHOLE,)), state)
    assert "helm-upgrade" in kinds(made)


@pytest.mark.parametrize(
    ("helm_major", "apply_method", "held"),
    [(3, "ssa", True), (3, "csa", False), (3, "", False), (4, "ssa", False), (None, "ssa", False)],
)
def test_helm_3_alone_holds_an_upgrade_of_helm_4s_release(
    helm_major: int | None, apply_method: str, held: bool
) -> None:
    made = planned(helm_major=helm_major, apply_method=apply_method)
    assert ("helm-upgrade" not in kinds(made)) is held
    assert ["Helm 3" in one.reason and "--helm FILE" in one.reason for one in made.held] == [True] * held


def test_a_finding_without_a_fix_says_so() -> None:
    """What holds the upgrade is also said by the rule itself."""
    told = finding("fields-held-by-another-manager", fix=Fix(summary="Argo CD sets them."))
    state = snapshot(package_manager(held_fields=(AUTOSCALED,)))
    assert [one.reason for one in plan(state, (told,)).held] == ["Argo CD sets them."]
