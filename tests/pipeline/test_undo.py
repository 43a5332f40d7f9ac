"""What is shown of a journal is made from what will be done."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from auditor.apply.journal import Journal
from auditor.pipeline import undo as pipeline
from auditor.settings import ClusterSettings
from tests.steps import ownership, planned, wanting


def test_what_a_journal_says_of_its_steps_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (honest,) = planned(wanting(ownership())).steps
    harmless = {"title": "Label an account", "diff": (), "undo": "Removes a label.", "interrupts": "Nothing."}
    lying = msgspec.structs.replace(honest, id="label-service-account:a/b", **harmless)
    journal = Journal.create(planned(wanting(ownership())), tmp_path)
    journal.intent(lying)
    monkeypatch.setattr(pipeline, "connect", lambda _: SimpleNamespace(server=journal.header.server))
    past = pipeline.find(ClusterSettings(), journal.path)
    assert past.steps == (msgspec.structs.replace(honest, rules=lying.rules),)
