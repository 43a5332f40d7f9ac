"""What would be refused is known when the plan is made, and what can't be tried is no reason against a step."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.apply import forecast as forecasting
from auditor.apply.forecast import forecast
from auditor.errors import (
    ChartNotFound,
    ClusterError,
    Conflict,
    Forbidden,
    HelmError,
    Invalid,
    NotAdmitted,
    PlanIsStale,
    PlanRefused,
    Unavailable,
)
from auditor.model.kubernetes import Access
from auditor.model.plan import Plan, Step
from tests.steps import label, ownership, patch, planned, scale, upgrade, wanting


class Server:
    """Reader, Helm and charts in one. `denied`: verb and plural of what the identity may not do."""

    def __init__(self) -> None:
        self.denied: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str, str]] = []
        self.connection = SimpleNamespace(identity="someone")
        self.no_helm: HelmError | None = None
        self.no_chart: HelmError | None = None
        self.wanted: list[tuple[str, str]] = []

    def allowed(self, access: Access, verb: str, namespace: str) -> bool:
        self.asked.append((verb, access.resource.plural, namespace))
        return (verb, access.resource.plural) not in self.denied

    @property
    def program(self) -> str:
        if self.no_helm:
            raise self.no_helm
        return "helm"

    def find(self, chart: str, version: str, *, agreed: str) -> None:
        self.wanted.append((chart, version))
        if self.no_chart:
            raise self.no_chart


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], None]]:
    """Step id -> what its rehearsal does; afterwards those that were rehearsed are its keys."""
    does: dict[str, Callable[[], None]] = {}

    def rehearse(step: Step, _: Any) -> None:
        does.setdefault(step.id, lambda: None)()

    monkeypatch.setattr(forecasting, "rehearse", rehearse)
    return does


def tools(server: Server) -> Any:
    return SimpleNamespace(reader=server, helm=server, charts=server)


def raising(error: Exception) -> Callable[[], None]:
    def throw() -> None:
        raise error

    return throw


PLAN = planned(wanting(label()), wanting(label("other")))
FIRST, SECOND = (step.id for step in PLAN.steps)


def only(step: Any) -> Plan:
    return planned(wanting(step))


@pytest.mark.parametrize(
    "error",
    [NotAdmitted("No."), Invalid("No."), Conflict("No."), PlanRefused("No."), PlanIsStale("No."), HelmError("No.")],
)
def test_what_would_be_refused_is_told_for_that_step_alone(
    server: Server, tried: dict[str, Callable[[], None]], error: Exception
) -> None:
    tried[FIRST] = raising(error)
    found = forecast(PLAN, tools(server))
    assert (found.refused, found.untried) == ({FIRST: "No."}, {})
    assert SECOND in tried


@pytest.mark.parametrize("error", [Forbidden("x"), Unavailable("x"), ClusterError("x")])
def test_what_could_not_be_asked_is_not_refused(
    server: Server, tried: dict[str, Callable[[], None]], error: Exception
) -> None:
    tried[FIRST] = raising(error)
    found = forecast(PLAN, tools(server))
    assert (found.refused, found.untried) == ({}, {FIRST: "x"})


@pytest.mark.parametrize(
    ("action", "verb", "plural"),
    [
        (label(), "patch", "serviceaccounts"),
        (scale(1, 0), "patch", "deployments"),
        (ownership(), "create", "configmaps"),
        (ownership(), "patch", "configmaps"),
        (ownership(), "create", "jobs"),
        (patch(), "update", "secrets"),
        (upgrade(), "create", "secrets"),
    ],
)
def test_who_may_not_make_a_step_may_not_try_it_either(
    server: Server, tried: dict[str, Callable[[], None]], action: Any, verb: str, plural: str
) -> None:
    server.denied = {(verb, plural)}
    plan = only(action)
    found = forecast(plan, tools(server))
    assert found.refused == {}
    assert found.untried == {plan.steps[0].id: f"someone may not {verb} {plural} in namespace posit."}
    assert (verb, plural, "posit") in server.asked
    assert tried == {}


@pytest.mark.parametrize("action", [patch(), upgrade()])
@pytest.mark.parametrize("missing", ["no_helm", "no_chart"])
def test_without_helm_or_the_chart_values_are_not_tried(
    server: Server, tried: dict[str, Callable[[], None]], action: Any, missing: str
) -> None:
    setattr(server, missing, ChartNotFound("It is missing.", hint="Give it."))
    plan = only(action)
    found = forecast(plan, tools(server))
    assert (found.refused, found.untried) == ({}, {plan.steps[0].id: "It is missing. Give it."})
    assert tried == {}


@pytest.mark.parametrize("action", [patch(), upgrade()])
def test_helm_is_tried_with_the_chart_that_the_step_needs(
    server: Server, tried: dict[str, Callable[[], None]], action: Any
) -> None:
    plan = only(action)
    forecast(plan, tools(server))
    assert server.wanted == [("rstudio-pm", "0.20.4")]
    assert list(tried) == [plan.steps[0].id]
