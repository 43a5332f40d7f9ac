"""From a scan, or from a file, to the plan that is shown."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from auditor.errors import UnreadableFile
from auditor.pipeline import prepare
from auditor.pipeline.scan import ScanRequest, ScanResult
from auditor.planning.choosing import UnknownName
from auditor.settings import ClusterSettings
from tests.builders import package_manager, snapshot, target
from tests.steps import label, planned, upgrade, wanting


@pytest.mark.parametrize(("failed", "left"), [(False, False), (True, True)])
def test_an_upgrade_whose_revision_failed_is_left_to_do(failed: bool, left: bool) -> None:
    state = package_manager(target=target(failed=failed))
    before = ScanResult(snapshot=snapshot(state), findings=())
    whole = prepare.Prepared(
        connection=cast("Any", None),
        request=ScanRequest(),
        asked=cast("Any", None),
        before=before,
        plan=planned(),
    )
    assert whole.upgrades_left is left


def test_a_kept_plan_brings_the_chart_versions_that_its_upgrades_go_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without them the second scan could not tell whether the upgrade arrived."""
    kept = planned(wanting(upgrade(release="a")), wanting(upgrade(release="b")), wanting(label()))
    prepare.keep(kept, tmp_path / "plan.json")
    monkeypatch.setattr(prepare, "connect", lambda _: None)
    monkeypatch.setattr(prepare, "look", lambda *_: SimpleNamespace())
    prepared = prepare.prepare(ClusterSettings(), ScanRequest(), saved=tmp_path / "plan.json")
    assert (prepared.plan, prepared.request.to) == (kept, ("rstudio-pm=0.20.4",))
    asked = prepare.prepare(ClusterSettings(), ScanRequest(to=("rstudio-pm=0.5.29",)), saved=tmp_path / "plan.json")
    assert asked.request.to == ("rstudio-pm=0.5.29",)


def test_what_is_shown_of_a_kept_plan_is_what_would_be_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept, file = planned(wanting(label())), tmp_path / "plan.json"
    prepare.keep(kept, file)
    monkeypatch.setattr(prepare, "connect", lambda _: None)
    monkeypatch.setattr(prepare, "look", lambda *_: SimpleNamespace())
    file.write_text(file.read_text().replace(kept.steps[0].title, "Nothing to worry about"))
    assert prepare.prepare(ClusterSettings(), ScanRequest(), saved=file).plan == kept
    prepare.keep(msgspec.structs.replace(kept, steps=kept.steps * 2), file)
    with pytest.raises(UnreadableFile, match="two steps that change the same"):
        prepare.prepare(ClusterSettings(), ScanRequest(), saved=file)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cluster with two accounts to label; afterwards what was told."""
    findings = (wanting(label(), rule="a"), wanting(label("other"), rule="b"))
    seen = ScanResult(snapshot=snapshot(package_manager()), findings=findings)
    monkeypatch.setattr(prepare, "connect", lambda _: None)
    monkeypatch.setattr(prepare, "look", lambda *_: seen)
    monkeypatch.setattr(prepare, "own_pod", lambda _: None)
    monkeypatch.setattr(prepare, "open_tools", lambda *_, **__: nullcontext())
    return []


def foresee(monkeypatch: pytest.MonkeyPatch, **found: dict[str, str]) -> None:
    forecast = SimpleNamespace(**{"refused": {}, "untried": {}, "rendered": {}, **found})
    monkeypatch.setattr(prepare, "forecast", lambda *_: forecast)


FIRST, OTHER = "label-service-account:posit/content", "label-service-account:posit/other"


def test_what_would_be_refused_is_held_and_counts_as_left(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    foresee(monkeypatch, refused={FIRST: "No."})
    prepared = prepare.prepare(ClusterSettings(), ScanRequest(), tell=looked.append)
    assert [step.id for step in prepared.plan.steps] == [OTHER]
    assert [held.step for held in prepared.plan.held] == [FIRST]
    assert prepared.left
    assert looked == []


def test_what_could_not_be_tried_is_planned_and_told(monkeypatch: pytest.MonkeyPatch, looked: list[str]) -> None:
    foresee(monkeypatch, untried={FIRST: "You may not."})
    prepared = prepare.prepare(ClusterSettings(), ScanRequest(), tell=looked.append)
    assert len(prepared.plan.steps) == 2
    assert not prepared.left
    assert looked == [f"{FIRST} was not tried on the server: You may not."]
    looked.clear()
    foresee(monkeypatch, untried={FIRST: "You may not.", OTHER: "You may not."})
    prepare.prepare(ClusterSettings(), ScanRequest(), tell=looked.append)
    assert looked == [f"{FIRST}, {OTHER} were not tried on the server: You may not."]


def test_only_what_was_chosen_is_tried_and_the_rest_counts_as_left(
    monkeypatch: pytest.MonkeyPatch, looked: list[str]
) -> None:
    foresee(monkeypatch, refused={OTHER: "It was asked for all the same."})
    prepared = prepare.prepare(ClusterSettings(), ScanRequest(), choice=prepare.Choice(only=("a",)))
    assert [step.id for step in prepared.plan.steps] == [FIRST]
    assert prepared.plan.held == ()
    assert [left.rule for left in prepared.plan.left_out] == ["b"]
    assert prepared.left


def test_every_rule_can_be_named_whether_it_found_something_or_not(
    monkeypatch: pytest.MonkeyPatch, looked: list[str]
) -> None:
    foresee(monkeypatch)
    prepared = prepare.prepare(ClusterSettings(), ScanRequest(), choice=prepare.Choice(skip=("license-missing",)))
    assert (len(prepared.plan.steps), prepared.left) == (2, False)
    with pytest.raises(UnknownName, match="'license-mising'"):
        prepare.prepare(ClusterSettings(), ScanRequest(), choice=prepare.Choice(skip=("license-mising",)))


def test_a_kept_plan_is_narrowed_and_not_tried(
    monkeypatch: pytest.MonkeyPatch, looked: list[str], tmp_path: Path
) -> None:
    foresee(monkeypatch, refused={FIRST: "No."})
    prepare.keep(planned(wanting(label(), rule="a"), wanting(label("other"), rule="b")), tmp_path / "plan.json")
    prepared = prepare.prepare(
        ClusterSettings(), ScanRequest(), saved=tmp_path / "plan.json", choice=prepare.Choice(skip=(OTHER,))
    )
    assert [step.id for step in prepared.plan.steps] == [FIRST]
    assert prepared.left
