from types import SimpleNamespace
from typing import Any

import pytest

from auditor import catalog
from auditor.model.finding import Finding, Result
from tests.builders import CONNECT, UNSEEN, connect, helm_record
from tests.rules.judging import fix_of, only

RULE = "value-removed"


def finding(values: Any, version: Any = "0.20.5") -> Finding:
    defaults = catalog.load().chart("rstudio-connect").values_at(version)
    record = helm_record(CONNECT, values=values, defaults=defaults, chart_version=version)
    return only(RULE, connect(helm=record))


def test_fails_with_the_version_that_removed_it() -> None:
    found = finding({"prometheusExporter": {"enabled": True}})
    assert found.result is Result.FAILED
    assert found.evidence[0].field == "prometheusExporter"
    assert "since 0.8.36" in found.message


def test_fails_for_a_removed_key_between_others_that_are_read() -> None:
    found = finding({"launcher": {"defaultInitContainer": {"os": "canary", "enabled": True}}})
    assert found.evidence[0].field == "launcher.defaultInitContainer.os"
    assert "canary" not in repr(found)


def test_its_fix_deletes_what_the_chart_ignores() -> None:
    (action,) = fix_of(finding({"prometheusExporter": {"enabled": True}})).actions
    assert [(edit.op, edit.path) for edit in action.edits] == [("delete", ("prometheusExporter",))]


@pytest.mark.parametrize(
    "values",
    [
        {"launcher": {"enabled": False}},
        {"config": {"Launcher": {"AnyKey": 1}}},
        {"neverExisted": 1},
        {"securityContext": {"privileged": True}},
        {},
    ],
)
def test_passes_over_what_the_chart_reads_prints_whole_or_never_knew(values: Any) -> None:
    assert finding(values).result is Result.PASSED


def test_its_fix_renames_what_has_another_name_now_only_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    row = SimpleNamespace(remedy="renamed", keys=("prometheusExporter",), to_key="prometheus.exporter")
    monkeypatch.setattr(catalog.Chart, "changes_between", lambda *_: (row,))
    fix = fix_of(finding({"prometheusExporter": {"enabled": True}}))
    assert [(edit.op, edit.to) for action in fix.actions for edit in action.edits] == [
        ("rename", ("prometheus", "exporter"))
    ]
    assert not fix.safe


def test_its_fix_deletes_the_old_name_beside_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    row = SimpleNamespace(remedy="renamed", keys=("prometheusExporter",), to_key="prometheus.enabled")
    monkeypatch.setattr(catalog.Chart, "changes_between", lambda *_: (row,))
    fix = fix_of(finding({"prometheusExporter": {"enabled": True}, "prometheus": {"enabled": False}}))
    assert [edit.op for action in fix.actions for edit in action.edits] == ["delete"]


def test_passes_at_a_version_that_does_not_have_it_yet() -> None:
    assert finding({"launcher": {"defaultInitContainer": {"os": "x"}}}, version="0.9.5").result is Result.PASSED


def test_passes_at_the_version_that_still_had_it() -> None:
    assert finding({"prometheusExporter": {"enabled": True}}, version="0.5.0").result is Result.PASSED


def test_cannot_tell_without_the_values() -> None:
    assert only(RULE, connect(helm=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_of_an_install_without_helm() -> None:
    assert only(RULE, connect(helm=None)).result is Result.UNKNOWN
