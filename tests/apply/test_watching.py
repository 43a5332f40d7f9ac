"""Whoever comes later finds the Jobs and what they do in the cluster alone."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply.ownership_job import SELECTOR, job
from auditor.apply.watching import jobs
from auditor.errors import Forbidden
from auditor.model.outcome import State
from tests.steps import ownership


class Reader:
    def __init__(self, *found: dict[str, Any], everywhere: bool = True) -> None:
        self.connection = SimpleNamespace(namespace="here")
        self.found, self.everywhere, self.asked = found, everywhere, list[str | None]()

    def list(self, _resource: Any, namespace: str | None, *, label_selector: str) -> Iterator[dict[str, Any]]:
        assert label_selector == SELECTOR
        self.asked.append(namespace)
        if namespace is None and not self.everywhere:
            raise Forbidden("Not everywhere.")
        return iter(self.found)


def tools(reader: Reader) -> Any:
    return SimpleNamespace(reader=reader)


def test_a_job_is_read_back_as_the_action_it_was_made_from() -> None:
    action = ownership(shards=3)
    (found,), others = jobs(tools(Reader(job(action, "undo", seconds=60))), ("posit",), all_namespaces=False)
    assert (found.action, found.mode, others) == (action, "undo", ())


@pytest.mark.parametrize("annotations", [None, {}, {"posit-audit/action": "{}", "posit-audit/ownership": "change"}])
def test_a_job_that_says_nothing_we_understand_is_told_and_left_alone(annotations: dict[str, str] | None) -> None:
    body = {"metadata": {"namespace": "posit", "name": "x", "annotations": annotations}}
    ours, (other,) = jobs(tools(Reader(body)), (), all_namespaces=False)
    assert (ours, other.state) == ((), State.REFUSED)
    assert other.message.startswith("Job posit/x was made by another version of posit-audit")


def test_who_may_not_look_everywhere_looks_in_the_current_namespace_unless_all_was_asked_for() -> None:
    reader = Reader(everywhere=False)
    assert jobs(tools(reader), (), all_namespaces=False) == ((), ())
    assert reader.asked == [None, "here"]
    with pytest.raises(Forbidden):
        jobs(tools(reader), (), all_namespaces=True)
