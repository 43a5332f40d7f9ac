"""What a volume's writer leaves in the place of our record, before we come.

The attacker is the server, or content that runs with its group: the top of the volume is theirs to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.apply.journal import Journal
from auditor.apply.progress import Silent
from auditor.apply.run import apply
from auditor.apply.tools import Tools, open_tools
from auditor.apply.undo import undo
from auditor.cluster.connect import connect
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.outcome import Outcome, State
from auditor.settings import ClusterSettings
from tests.cluster.conftest import Volume
from tests.steps import ownership, planned, wanting

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
RECORD = ".posit-audit-ownership-999-999.state"
TAKEN = {
    "link": f"ln -s packages {RECORD}",
    "directory": f"mkdir {RECORD}",
    "file": f"echo mine > {RECORD}",
}


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield opened


@pytest.fixture
def volume(namespace: str, local_volume: Callable[..., Volume]) -> Volume:
    return local_volume(namespace, files=100)


@pytest.fixture
def action(kubectl: Run, namespace: str, volume: Volume) -> ChangeOwnership:
    uid = kubectl("get", "persistentvolumeclaim", "data", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    return ownership("data", namespace, claim_uid=uid, placement=Placement(image=IMAGE))


def made(tools: Tools, folder: Path, action: ChangeOwnership) -> tuple[Journal, Outcome]:
    plan = planned(wanting(action))
    plan = type(plan)(server=tools.server, context=plan.context, steps=plan.steps)
    journal = Journal.create(plan, folder)
    (outcome,) = apply(plan, tools, journal, Silent())
    return journal, outcome


@pytest.mark.parametrize("how", TAKEN)
def test_a_place_of_the_record_that_is_taken_refuses_before_any_owner_changes(
    how: str, tools: Tools, action: ChangeOwnership, volume: Volume, tmp_path: Path
) -> None:
    """Otherwise owners would change that nobody could undo."""
    volume.shell(f"cd '{volume.path}' && {TAKEN[how]} && chown -h 999:999 {RECORD}")
    before = volume.owners()
    _, outcome = made(tools, tmp_path, action)
    assert volume.owners() == before
    assert outcome.state is State.FAILED
    assert RECORD in outcome.message


def test_other_names_beside_it_are_ignored_and_counted(
    tools: Tools, action: ChangeOwnership, volume: Volume, tmp_path: Path
) -> None:
    before = volume.owners()
    journal, outcome = made(tools, tmp_path, action)
    assert outcome.state is State.DONE
    planted = (f"ln -s packages {RECORD}.5", f"mkdir {RECORD}.6", f"echo mine > {RECORD}.7")
    names = " ".join(f"{RECORD}.{number}" for number in (5, 6, 7))
    volume.shell(f"cd '{volume.path}' && {' && '.join(planted)} && chown -h 999:999 {names}")
    (taken,) = undo(journal, tools)
    assert taken.state is State.DONE, taken.message
    assert f"Left out: {', '.join(names.split())}" in taken.message
    assert volume.owners() == {"999:999": 3, "0:0": before["0:0"] + 1}
