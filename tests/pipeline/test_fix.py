"""What was done is told whatever becomes of the second scan."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from auditor.errors import Interrupted, Unavailable, UnreadableFile
from auditor.model.outcome import State
from auditor.pipeline import fix
from auditor.pipeline.scan import ScanRequest, ScanResult
from auditor.planning.choosing import UnknownName
from auditor.settings import ClusterSettings
from tests.builders import package_manager, snapshot, target
from tests.steps import label, outcome, planned, upgrade, wanting

BEFORE = wanting(label(), rule="r")
PLAN = planned(BEFORE)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A plan that is carried out at once, by nobody."""
    journal = SimpleNamespace(path=Path("/j.jsonl"))
    monkeypatch.setattr(fix, "open_tools", lambda *_, **__: nullcontext())
    monkeypatch.setattr(fix, "dry_run", lambda *_: None)
    monkeypatch.setattr(fix, "Journal", SimpleNamespace(create=lambda _: journal))
    monkeypatch.setattr(fix, "apply", lambda *_: (outcome(PLAN.steps[0]),))
    monkeypatch.setattr(fix, "_sights", lambda *_: None)
    asked = SimpleNamespace(upgrades=SimpleNamespace(catalog=None))
    return SimpleNamespace(
        plan=PLAN, before=SimpleNamespace(findings=(BEFORE,)), connection=None, request=None, asked=asked
    )


@pytest.mark.parametrize(("failed", "left"), [(False, False), (True, True)])
def test_an_upgrade_whose_revision_failed_is_left_to_do(prepared: Any, failed: bool, left: bool) -> None:
    state = package_manager(target=target(failed=failed))
    before = ScanResult(snapshot=snapshot(state), findings=())
    whole = fix.Prepared(
        connection=prepared.connection, request=prepared.request, asked=prepared.asked, before=before, plan=planned()
    )
    assert whole.upgrades_left is left


def carry_out(prepared: Any, said: list[str]) -> fix.FixResult:
    return fix.carry_out(prepared, charts=(), helm="", progress=None, tell=said.append)  # type: ignore[arg-type]


def test_a_second_scan_that_fails_leaves_the_outcomes_and_proves_nothing(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> None:
        raise Unavailable("No answer.")

    monkeypatch.setattr(fix, "look", look)
    said: list[str] = []
    result = carry_out(prepared, said)
    assert (len(result.outcomes), result.failed, result.verified) == (1, False, False)
    assert [verdict.mended for verdict in result.verdicts] == [False]
    assert said == ["The plan was carried out, and the second scan could not be made: No answer."]


def test_a_second_scan_that_is_stopped_names_the_journal(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fix, "look", look)
    with pytest.raises(Interrupted, match=r"second scan was stopped.*posit-audit undo /j\.jsonl"):
        carry_out(prepared, [])


@pytest.mark.parametrize(
    ("state", "changed"),
    [(State.DONE, True), (State.FAILED, True), (State.REFUSED, False), (State.ALREADY, False), (State.SKIPPED, False)],
)
def test_what_may_be_taken_back_is_what_may_have_changed(state: State, changed: bool) -> None:
    result = fix.FixResult(outcomes=(outcome(PLAN.steps[0], state),), verdicts=(), journal=Path("/j"))
    assert result.changed is changed


def test_a_kept_plan_brings_the_chart_versions_that_its_upgrades_go_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without them the second scan could not tell whether the upgrade arrived."""
    kept = planned(wanting(upgrade(release="a")), wanting(upgrade(release="b")), wanting(label()))
    fix.keep(kept, tmp_path / "plan.json")
    monkeypatch.setattr(fix, "connect", lambda _: None)
    monkeypatch.setattr(fix, "look", lambda *_: SimpleNamespace())
    prepared = fix.prepare(ClusterSettings(), ScanRequest(), saved=tmp_path / "plan.json")
    assert (prepared.plan, prepared.request.to) == (kept, ("rstudio-pm=0.20.4",))
    asked = fix.prepare(ClusterSettings(), ScanRequest(to=("rstudio-pm=0.5.29",)), saved=tmp_path / "plan.json")
    assert asked.request.to == ("rstudio-pm=0.5.29",)


def test_what_is_shown_of_a_kept_plan_is_what_would_be_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept, file = planned(wanting(label())), tmp_path / "plan.json"
    fix.keep(kept, file)
    monkeypatch.setattr(fix, "connect", lambda _: None)
    monkeypatch.setattr(fix, "look", lambda *_: SimpleNamespace())
    file.write_text(file.read_text().replace(kept.steps[0].title, "Nothing to worry about"))
    assert fix.prepare(ClusterSettings(), ScanRequest(), saved=file).plan == kept
    fix.keep(msgspec.structs.replace(kept, steps=kept.steps * 2), file)
    with pytest.raises(UnreadableFile, match="two steps that change the same"):
        fix.prepare(ClusterSettings(), ScanRequest(), saved=file)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cluster with two accounts to label; afterwards what was told."""
    findings = (wanting(label(), rule="a"), wanting(label("other"), rule="b"))
    seen = ScanResult(snapshot=snapshot(package_manager()), findings=findings)
    monkeypatch.setattr(fix, "connect", lambda _: None)
    monkeypatch.setattr(fix, "look", lambda *_: seen)
    monkeypatch.setattr(fix, "own_pod", lambda _: None)
    monkeypatch.setattr(fix, "open_tools", lambda *_, **__: nullcontext())
    return []


def foresee(monkeypatch: pytest.MonkeyPatch, **found: dict[str, str]) -> None:
    forecast = SimpleNamespace(**{"refused": {}, "untried": {}, **found})
    monkeypatch.setattr(fix, "forecast", lambda *_: forecast)


FIRST, OTHER = "label-service-account:posit/content", "label-service-account:posit/other"


def test_what_would_be_refused_is_held_and_counts_as_left(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    foresee(monkeypatch, refused={FIRST: "No."})
    prepared = fix.prepare(ClusterSettings(), ScanRequest(), tell=looked.append)
    assert [step.id for step in prepared.plan.steps] == [OTHER]
    assert [held.step for held in prepared.plan.held] == [FIRST]
    assert prepared.left
    assert looked == []


def test_what_could_not_be_tried_is_planned_and_told(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    foresee(monkeypatch, untried={FIRST: "You may not."})
    prepared = fix.prepare(ClusterSettings(), ScanRequest(), tell=looked.append)
    assert len(prepared.plan.steps) == 2
    assert not prepared.left
    assert looked == [f"{FIRST} was not tried on the server: You may not."]
    looked.clear()
    foresee(monkeypatch, untried={FIRST: "You may not.", OTHER: "You may not."})
    fix.prepare(ClusterSettings(), ScanRequest(), tell=looked.append)
    assert looked == [f"{FIRST}, {OTHER} were not tried on the server: You may not."]


def test_only_what_was_chosen_is_tried_and_the_rest_counts_as_left(
    monkeypatch: pytest.MonkeyPatch, looked: list[str]
) -> None:
    foresee(monkeypatch, refused={OTHER: "It was asked for all the same."})
    prepared = fix.prepare(ClusterSettings(), ScanRequest(), choice=fix.Choice(only=("a",)))
    assert [step.id for step in prepared.plan.steps] == [FIRST]
    assert prepared.plan.held == ()
    assert [left.rule for left in prepared.plan.left_out] == ["b"]
    assert prepared.left


def test_every_rule_can_be_named_whether_it_found_something_or_not(
    monkeypatch: pytest.MonkeyPatch, looked: list[str]
) -> None:
    foresee(monkeypatch)
    prepared = fix.prepare(ClusterSettings(), ScanRequest(), choice=fix.Choice(skip=("license-missing",)))
    assert (len(prepared.plan.steps), prepared.left) == (2, False)
    with pytest.raises(UnknownName, match="'license-mising'"):
        fix.prepare(ClusterSettings(), ScanRequest(), choice=fix.Choice(skip=("license-mising",)))


def test_a_kept_plan_is_narrowed_and_not_tried(
    monkeypatch: pytest.MonkeyPatch, looked: list[str], tmp_path: Path
) -> None:
    foresee(monkeypatch, refused={FIRST: "No."})
    fix.keep(planned(wanting(label(), rule="a"), wanting(label("other"), rule="b")), tmp_path / "plan.json")
    prepared = fix.prepare(
        ClusterSettings(), ScanRequest(), saved=tmp_path / "plan.json", choice=fix.Choice(skip=(OTHER,))
    )
    assert [step.id for step in prepared.plan.steps] == [FIRST]
    assert prepared.left
