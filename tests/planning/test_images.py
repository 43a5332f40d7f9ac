"""Which image the ownership Job gets, why, and what comes next."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditor.model.action import ChangeOwnership, Placement, ScaleWorkload
from auditor.model.finding import Finding
from auditor.model.own_pod import OwnPod
from auditor.model.ownership import OwnershipProbe
from auditor.model.plan import Plan
from auditor.model.snapshot import ReleaseRef, ReleaseState
from auditor.model.target import Target
from auditor.planning import plan
from auditor.planning.images import with_images
from tests.builders import NAMESPACE, package_manager, snapshot, workload
from tests.steps import ownership, planned, upgrade, wanting

OWN = OwnPod(namespace=NAMESPACE, image="registry.example/posit-audit:1", image_pull_policy="Always")
FOUND = Placement(image="pm:1", image_pull_secrets=("pm",), python="/opt/python/3.14.4/bin/python3", has_python="found")
NONE = Placement(image="pm:1", image_pull_secrets=("pm",), has_python="none", limits=("no-shards",))
UNSEEN = Placement(image="pm:1", image_pull_secrets=("pm",))


def made(*findings: Finding, release: ReleaseState | None = None, unsafe: bool = True, **images: Any) -> Plan:
    state = snapshot(release or package_manager())
    return plan(state, with_images(state, findings, **images), unsafe=unsafe)


def chosen(plan_: Plan) -> ChangeOwnership:
    (action,) = (step.action for step in plan_.steps if isinstance(step.action, ChangeOwnership))
    return action


def order(plan_: Plan) -> list[tuple[str, str]]:
    placement = chosen(plan_).placement
    return [(one.image, one.has_python) for one in (placement, *placement.others)]


@pytest.mark.parametrize(
    ("placement", "asked", "expected"),
    [
        (FOUND, "", [("pm:1", "found"), (OWN.image, "not known")]),
        (FOUND, "tools:2", [("tools:2", "not known"), ("pm:1", "found"), (OWN.image, "not known")]),
        (UNSEEN, "", [("pm:1", "not known"), (OWN.image, "not known")]),
        (NONE, "", [(OWN.image, "not known")]),
        (NONE, "pm:1", [("pm:1", "not known"), (OWN.image, "not known")]),
    ],
)
def test_they_are_tried_in_the_order_of_trust(placement: Placement, asked: str, expected: list[Any]) -> None:
    assert order(made(wanting(ownership(placement=placement)), own=OWN, asked=asked)) == expected


def test_each_says_why_and_the_plan_says_what_comes_next() -> None:
    plan_ = made(wanting(ownership(placement=FOUND)), own=OWN, asked="tools:2")
    text = "\n".join(next(step for step in plan_.steps if isinstance(step.action, ChangeOwnership)).diff)
    assert "in image tools:2, because --worker-image names it; Python: searched when the Job starts" in text
    assert "because it is the release's own image; Python: /opt/python/3.14.4/bin/python3" in text
    assert text.index("tools:2") < text.index("if it fails, then") < text.index("image pm:1") < text.index(OWN.image)


def test_pull_secrets_go_with_the_image_that_needs_them() -> None:
    assert chosen(made(wanting(ownership(placement=UNSEEN)), asked="tools:2")).placement.image_pull_secrets == ("pm",)
    behind = OwnPod(namespace="another", image="private.example/posit-audit:1", image_pull_secrets=("pull",))
    assert order(made(wanting(ownership(placement=FOUND)), own=behind)) == [("pm:1", "found")]


def test_the_targets_image_is_among_them_where_the_plan_upgrades() -> None:
    release = package_manager(target=Target(present="0.3.9", version="0.20.4", image="pm:2"))
    own, up = ownership(placement=NONE, after_stop=True), upgrade()
    expected = [("pm:2", "not known"), ("pm:1", "none")]
    assert order(made(wanting(own, up), release=release)) == expected
    # Whichever finding comes first: they are one step.
    assert order(made(wanting(own, rule="b"), wanting(own, up, rule="c"), release=release)) == expected
    assert order(made(wanting(own), release=release)) == [("pm:1", "none")]


def test_the_targets_image_is_not_tried_again_if_it_is_the_one_in_which_a_look_found_no_python() -> None:
    release = package_manager(target=Target(present="0.20.3", version="0.20.4", image="pm:1"))
    assert order(made(wanting(ownership(placement=NONE, after_stop=True), upgrade()), release=release)) == [
        ("pm:1", "none")
    ]


def test_an_image_of_a_neighbour_in_which_a_look_found_python_is_better_than_none() -> None:
    state = package_manager()
    claim = ownership().claim
    probe = OwnershipProbe(
        claim=claim,
        pod="p",
        path="/x",
        expected=ownership().owner,
        expected_because="",
        method="python",
        python="/opt/python/3.14.4/bin/python3",
    )
    neighbour = msgspec.structs.replace(package_manager(), ref=ReleaseRef(NAMESPACE, "another"), ownership=(probe,))
    both = snapshot(state, neighbour)
    (finding,) = with_images(both, [wanting(ownership(placement=NONE))])
    assert finding.fix is not None
    (action,) = finding.fix.actions
    assert isinstance(action, ChangeOwnership)
    assert action.placement.python == "/opt/python/3.14.4/bin/python3"
    assert "another" in action.placement.why


def test_where_only_the_shell_program_is_left_the_server_is_stopped_for_it_and_only_if_that_was_asked_for() -> None:
    finding = wanting(ownership(placement=NONE))
    plan_ = made(finding)
    assert [type(step.action) for step in plan_.steps] == [ScaleWorkload, ChangeOwnership, ScaleWorkload]
    assert chosen(plan_).after_stop
    (held,) = made(finding, unsafe=False).held
    assert "--unsafe plans it" in held.reason
    assert "--worker-image" in held.reason


def test_a_server_that_is_stopped_anyway_is_not_stopped_for_it() -> None:
    release = package_manager(workload=workload(replicas=0, ready_replicas=0))
    (step,) = made(wanting(ownership(placement=NONE)), release=release).steps
    assert isinstance(step.action, ChangeOwnership)


def test_the_shell_program_is_no_way_out_beside_a_running_server() -> None:
    assert order(made(wanting(ownership(placement=FOUND)))) == [("pm:1", "found")]
    stopped = ownership(placement=FOUND, after_stop=True)
    assert order(made(wanting(stopped))) == [("pm:1", "found"), ("pm:1", "none")]


def test_findings_without_a_job_stay_as_they_are() -> None:
    state = snapshot(package_manager())
    findings = (wanting(upgrade()),)
    assert with_images(state, findings, own=OWN) == findings
    assert planned(*findings) == plan(state, findings)
