"""The canary search, for names: whatever keys are called, no report, plan, kept plan or journal has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.apply.journal import Journal
from auditor.apply.plan_file import read_plan, write_plan
from auditor.apply.run import ended
from auditor.model.action import HandBackFields
from auditor.model.outcome import State
from auditor.model.product import Product
from auditor.model.snapshot import ReleaseState
from auditor.planning import plan
from auditor.planning.handing_back import with_hand_backs
from auditor.report import json as report_json
from auditor.report import text as report_text
from auditor.report.plan_text import outcomes_json, outcomes_text, plan_json, plan_text
from auditor.rules import discover, judge
from tests.builders import held_field, license_secret, secret_key, snapshot
from tests.rules.upgrades import upgraded

LICENSE_KEY = "KQ7M-Z2XA-9PLT-04VB-WW3E-6HJC-RN5D"
SLIP, KEY = "hunter2swordfish", "S3cr3tC4nary"
CANARIES = (LICENSE_KEY, LICENSE_KEY.lower(), "KQ7M", "kq7m", SLIP, KEY)
VALUES = {
    SLIP: 1,
    "launcher": {"enabled": True, KEY: {SLIP: 1}, "templateValues": {"pod": {KEY: 1, "labels": {SLIP: "x"}}}},
    "config": {"Launcher": {KEY: 1}, KEY: {SLIP: 1}},
    "license": {SLIP: "x"},
    "extraObjects": [{KEY: "{{ x }}"}],
    "sharedStorage": {"create": True, SLIP: 1},
}


@pytest.fixture(params=["license", f"license-{LICENSE_KEY.lower()}"])
def release(request: pytest.FixtureRequest) -> ReleaseState:
    file = secret_key(f"2026-12-15_pm_acme_{LICENSE_KEY}.lic")
    fields = (
        held_field(path=("f:metadata", "f:annotations", f"f:{KEY}"), shown=False),
        held_field(path=("f:spec", "f:template", 'k:{"name":"hunter2swordfish"}', "f:value"), shown=False),
        held_field(path=("f:metadata", "f:labels", f"f:{SLIP}"), manager=f"kubectl-{LICENSE_KEY}", shown=False),
    )
    of = {"license_secrets": (license_secret(file, name=request.param),), "held_fields": fields}
    return upgraded(Product.CONNECT, "0.7.4", "0.21.0", VALUES, **of)


@pytest.mark.parametrize("unsafe", [False, True])
def test_no_name_that_holds_a_secret_gets_out(release: ReleaseState, unsafe: bool, tmp_path: Path) -> None:
    state = snapshot(release)
    findings = judge(state, discover())
    made = with_hand_backs(plan(state, findings, unsafe=unsafe), state)
    assert [step for step in made.steps if isinstance(step.action, HandBackFields)]
    assert made.held
    write_plan(made, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json").steps == made.steps
    journal = Journal.create(made, tmp_path)
    outcomes = [ended(step, State.FAILED, step.title) for step in made.steps]
    for step in made.steps:
        journal.intent(step)
    ways = {
        "text": report_text.render(state, findings, verbose=True),
        "json": report_json.render(state, findings),
        "plan": plan_text(made, findings),
        "plan json": json.dumps(plan_json(made)),
        "kept plan": (tmp_path / "plan.json").read_text(),
        "journal": journal.path.read_text(),
        "outcomes": outcomes_text(outcomes) + json.dumps(outcomes_json(outcomes)),
    }
    assert {way: found for way, text in ways.items() if (found := [one for one in CANARIES if one in text])} == {}
    assert "2026-12-15_pm_acme_****.lic" in ways["text"]
