"""A plan's file is whole, private, and read back as the same plan or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.apply.plan_file import read_plan, write_plan
from auditor.errors import PositAuditError, UnreadableFile
from tests import without_posix
from tests.steps import edit, label, ownership, patch, planned, wanting

PLAN = planned(wanting(label()), wanting(ownership(), rule="b"), wanting(patch(edit("set", "a", {"b": [1]})), rule="c"))


def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(PLAN, file)
    first = file.read_bytes()
    write_plan(read_plan(file), file)
    assert read_plan(file) == PLAN
    assert file.read_bytes() == first


def test_only_its_owner_can_read_it_and_nothing_else_is_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")
    file.chmod(0o644)
    write_plan(PLAN, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_no_open_file_is_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses it."""
    monkeypatch.setattr(Path, "replace", without_posix.replace)
    write_plan(PLAN, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == PLAN


def test_a_link_in_its_place_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    target, file = tmp_path / "target", tmp_path / "plan.json"
    target.write_text("mine")
    file.symlink_to(target)
    write_plan(PLAN, file)
    assert target.read_text() == "mine"
    assert not file.is_symlink()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not a plan"),
        ("[]", "not a plan"),
        ("{}", "not a plan"),
        ('{"schema": "posit-audit.plan/v9"}', "posit-audit.plan/v9"),
        ('{"schema": "posit-audit.plan/v1", "server": "s", "context": "c", "steps": [{}]}', "not a plan"),
        ("\ufffd\ud800", "not a plan"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(UnreadableFile, match=says):
        read_plan(file)


def test_an_action_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(PLAN, file)
    data = json.loads(file.read_text())
    data["steps"][0]["action"]["kind"] = "delete-everything"
    file.write_text(json.dumps(data))
    with pytest.raises(UnreadableFile):
        read_plan(file)


def test_a_file_that_is_not_there_and_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        read_plan(tmp_path / "none")
    with pytest.raises(PositAuditError, match="can't be written"):
        write_plan(PLAN, tmp_path / "none" / "plan.json")
