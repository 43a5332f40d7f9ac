"""Inside the cluster the ownership Job runs the agent's own image."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.model.action import ChangeOwnership, Placement
from auditor.model.own_pod import OwnPod
from auditor.model.plan import Plan
from auditor.planning.placing import with_image, with_own_image, with_shards
from tests.builders import NAMESPACE, claim, package_manager, snapshot
from tests.steps import label, ownership, planned, wanting

OWN = OwnPod(namespace=NAMESPACE, image="registry.example/posit-audit:1", image_pull_policy="Always")
RELEASES_OWN = Placement(image="registry.example/pm:1", image_pull_secrets=("pm",), node="n1", python=False)


def plan_with(**fields: object) -> Plan:
    return planned(wanting(label(), ownership(placement=RELEASES_OWN, **fields)))


def placement(plan: Plan) -> Placement:
    (action,) = (step.action for step in plan.steps if isinstance(step.action, ChangeOwnership))
    return action.placement


def test_the_job_gets_the_agents_image_and_stays_where_it_was_to_run() -> None:
    placed = placement(with_own_image(plan_with(), OWN))
    assert placed == Placement(
        image="registry.example/posit-audit:1", image_pull_policy="Always", node="n1", python=True
    )


def test_an_image_behind_a_secret_is_only_used_where_that_secret_is() -> None:
    behind = OwnPod(namespace=NAMESPACE, image="private.example/posit-audit:1", image_pull_secrets=("pull",))
    assert placement(with_own_image(plan_with(), behind)).image_pull_secrets == ("pull",)
    elsewhere = plan_with(namespace="another")
    assert with_own_image(elsewhere, behind) == elsewhere


def test_other_steps_stay_as_they_are() -> None:
    plan = planned(wanting(label()))
    assert with_own_image(plan, OWN) == plan


def test_an_image_that_was_asked_for_is_used_and_said_to_have_python() -> None:
    made = with_image(plan_with(), "registry.example/tools:2")
    assert placement(made).image == "registry.example/tools:2"
    assert placement(made).image_pull_secrets == ("pm",)
    step = next(step for step in made.steps if isinstance(step.action, ChangeOwnership))
    assert "--worker-image" not in step.interrupts
    before = next(step for step in plan_with().steps if isinstance(step.action, ChangeOwnership))
    assert "former owners are not recorded" in before.interrupts


def test_only_volumes_that_several_nodes_can_mount_are_worked_on_in_parts() -> None:
    spread = wanting(ownership())
    release = package_manager(claims=(claim(access_modes=("ReadWriteMany",)),))
    made, whole = with_shards(planned(spread), snapshot(release), 4)
    (step,) = made.steps
    assert whole == ()
    assert "in 4 parts" in step.title
    assert "4 pods" in step.interrupts
    single = package_manager(claims=(claim(access_modes=("ReadWriteOnce",)),))
    unparted, (sentence,) = with_shards(planned(spread), snapshot(single), 4)
    assert unparted == planned(spread)
    assert sentence.endswith("is worked on in one part, not in 4: it is ReadWriteOnce, not ReadWriteMany.")
    assert with_shards(planned(spread), snapshot(single), 1) == (planned(spread), ())


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"placement": Placement(image="i", node="n1")}, "has to run on node n1"),
        ({"placement": Placement(image="i", python=False)}, "the image has no Python"),
        ({"claim": "another"}, "its access modes could not be seen"),
    ],
)
def test_why_a_volume_is_not_worked_on_in_parts_is_told(fields: dict[str, Any], why: str) -> None:
    plan = planned(wanting(ownership(**fields)))
    release = package_manager(claims=(claim(access_modes=("ReadWriteMany",)),))
    unparted, (sentence,) = with_shards(plan, snapshot(release), 4)
    assert unparted == plan
    assert why in sentence
