"""What only the change of owners itself can see, after the server was stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply.actions import change_ownership
from auditor.errors import PlanRefused
from auditor.model.action import Placement
from tests.steps import ownership


def test_the_shell_program_does_not_start_beside_content_that_outlives_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posix = ownership(placement=Placement(image="c", has_python="none"), after_stop=True)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": posix.claim.name}}]
    session = {"metadata": {"name": "session"}, "status": {"phase": "Running"}, "spec": {"volumes": volumes}}
    tools: Any = SimpleNamespace(reader=SimpleNamespace(list=lambda *_, **__: [session]))
    started: list[str] = []
    monkeypatch.setattr(change_ownership, "run", lambda *_: started.append("started") or {})
    with pytest.raises(PlanRefused, match="pod session uses"):
        change_ownership.act(posix, tools, lambda _: None)
    assert started == []
    change_ownership.act(ownership(placement=Placement(image="c"), after_stop=True), tools, lambda _: None)
    assert started == ["started"]
