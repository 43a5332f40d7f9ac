"""Only what can be shared is worked on in parts."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.model.action import Placement
from auditor.planning.placing import with_shards
from tests.builders import claim, package_manager, snapshot
from tests.steps import ownership, planned, wanting


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
        ({"placement": Placement(image="i", has_python="none")}, "the image has no Python"),
        ({"claim": "another"}, "its access modes could not be seen"),
    ],
)
def test_why_a_volume_is_not_worked_on_in_parts_is_told(fields: dict[str, Any], why: str) -> None:
    plan = planned(wanting(ownership(**fields)))
    release = package_manager(claims=(claim(access_modes=("ReadWriteMany",)),))
    unparted, (sentence,) = with_shards(plan, snapshot(release), 4)
    assert unparted == plan
    assert why in sentence
