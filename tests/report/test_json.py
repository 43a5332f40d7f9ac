"""What a program reads after a scan: format posit-audit.report/v1."""

from __future__ import annotations

import json

from auditor.model.action import ChangeOwnership
from auditor.model.finding import Evidence
from auditor.report.json import render
from tests.builders import finding, object_ref, package_manager, probe, release_ref, snapshot, wrong_owner
from tests.report.estate import estate, findings
from tests.rules.judging import only


def test_the_top_level_is_the_format() -> None:
    report = json.loads(render(estate(), findings()))
    assert list(report) == [
        "schema", "context", "server", "namespaces", "releases", "findings", "blind", "summary",
    ]  # fmt: skip
    assert report["schema"] == "posit-audit.report/v1"
    assert report["summary"] == {"passed": 2, "failed": 3, "unknown": 2}
    assert report["blind"] == [{"reason": "Namespace closed was not searched.", "how": "Ask for list."}]


def test_a_release_tells_null_for_what_is_not_known() -> None:
    report = json.loads(render(estate(), []))
    _, dark, bad = report["releases"]
    assert bad == {
        "namespace": "posit",
        "name": "w-bad",
        "product": "rstudio-connect",
        "product_version": "2026.08.0",
        "chart_version": "0.21.0",
        "installed_by": "helm",
        "revision": 3,
        "status": "failed",
    }
    assert (dark["product_version"], dark["chart_version"], dark["installed_by"]) == (None, None, "other")


def test_a_finding_has_every_field_of_the_format() -> None:
    found = json.loads(render(estate(), findings()))["findings"][1]
    assert found == {
        "rule": "w-error",
        "result": "failed",
        "severity": "error",
        "release": {"namespace": "posit", "name": "w-bad"},
        "object": {"kind": "Secret", "namespace": "posit", "name": "license"},
        "message": "An error.",
        "evidence": [
            {
                "object": {"kind": "Secret", "namespace": "posit", "name": "license"},
                "field": "data",
                "observed": "other.lic",
                "expected": "license.lic",
            },
            {
                "object": {"kind": "Pod", "namespace": "posit", "name": "p"},
                "field": "f",
                "observed": "o",
                "expected": "",
            },
        ],
        "fix": {
            "summary": "Label it.",
            "safe": True,
            "actions": [
                {
                    "kind": "label-service-account",
                    "account": {"kind": "ServiceAccount", "namespace": "posit", "name": "runner"},
                    "key": "label",
                    "value": "true",
                    "uid": "u",
                    "resource_version": "1",
                    "servers": [],
                    "vouched": False,
                }
            ],
        },
        "how": "",
    }


def test_what_passed_and_what_is_unknown_is_listed_too() -> None:
    report = json.loads(render(estate(), findings()))
    assert [found["result"] for found in report["findings"]].count("passed") == 2
    assert {found["how"] for found in report["findings"] if found["result"] == "unknown"} == {"Light a lamp."}


def test_an_actions_placement_is_left_to_the_plan() -> None:
    """It repeats the release's own pod spec."""
    release = package_manager(ownership=(probe(wrong_owner()),))
    found = only("volume-files-wrong-owner", release)
    assert found.fix is not None
    assert isinstance(found.fix.actions[0], ChangeOwnership)
    (action,) = json.loads(render(snapshot(release), [found]))["findings"][0]["fix"]["actions"]
    assert action["kind"] == "change-ownership"
    assert "placement" not in action


def test_file_names_of_any_bytes_come_through_escaped() -> None:
    """Also for who prints a field of it: `jq -r` would write the bytes."""
    evidence = Evidence(object=object_ref("Pod", "p"), field="f", observed="\udcff\x1b")
    text = render(estate(), [finding(release=release_ref(name="w-bad"), evidence=(evidence,))])
    assert text.encode("ascii")
    assert json.loads(text)["findings"][0]["evidence"][0]["observed"] == "\\udcff\\x1b"


def test_it_ends_with_a_line_break() -> None:
    assert render(estate(), ()).endswith("}\n")
