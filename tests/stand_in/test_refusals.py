"""The stand-in charts refuse what the real ones refuse, in their order, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.chart_repository import SOURCES
from tests.stand_in.rendering import CHARTS, LAUNCHER, STORAGE, Helm, Refused, Values

CONDITIONS = yaml.safe_load((SOURCES / "fail_conditions.yaml").read_text())


@pytest.mark.parametrize("row", CONDITIONS, ids=[row["id"] for row in CONDITIONS])
def test_fires_in_its_versions_only(helm: Helm, row: dict[str, Any]) -> None:
    """The right sentence is printed, and a chart without the condition takes the same values."""
    for chart, version in CHARTS:
        if chart != row["chart"]:
            continue
        if version in row["versions"]:
            with pytest.raises(Refused) as refused:
                helm.template(chart, version, row["fails"])
            assert row["says"] in str(refused.value)
        else:
            assert helm.template(chart, version, row["fails"])


@pytest.mark.parametrize("row", CONDITIONS, ids=[row["id"] for row in CONDITIONS])
def test_lets_the_near_miss_pass(helm: Helm, row: dict[str, Any]) -> None:
    for version in row["versions"]:
        assert helm.template(row["chart"], version, row["passes"])


def test_template_conditions_hide_those_of_the_notes(helm: Helm) -> None:
    values = {"executionEnvironments": [{}], "launcher": {"enabled": True}}
    with pytest.raises(Refused, match="has no name"):
        helm.template("rstudio-connect", "0.21.0", values)


def test_notes_report_the_first_condition_only(helm: Helm) -> None:
    values = {"image": {"tagPrefix": "x"}, "launcher": {"enabled": True}, "pod": {"nodeSelector": {"a": "b"}}}
    with pytest.raises(Refused, match="are both true"):
        helm.template("rstudio-connect", "0.21.0", values)


@pytest.mark.parametrize(
    ("chart", "version", "values"),
    [
        ("rstudio-connect", "0.7.4", {"config": {"Launcher": None}}),
        ("rstudio-connect", "0.7.4", {"config": {"Metrics": None}}),
        ("rstudio-connect", "0.21.0", LAUNCHER | {"config": {"Launcher": None}}),
        ("rstudio-connect", "0.21.0", STORAGE | {"prometheus": None}),
        ("rstudio-connect", "0.21.0", STORAGE | {"config": {"Server": "a word"}}),
        (
            "rstudio-connect",
            "0.21.0",
            STORAGE | {"backends": {"kubernetes": {"defaultResourceServiceBase": None}}},
        ),
        (
            "rstudio-connect",
            "0.21.0",
            STORAGE | {"backends": {"kubernetes": {"defaultResourceJobBase": "text"}}},
        ),
        (
            "rstudio-connect",
            "0.7.4",
            STORAGE | {"launcher": {"enabled": True, "templateValues": {"pod": None}}},
        ),
        (
            "rstudio-connect",
            "0.7.4",
            STORAGE | {"launcher": {"enabled": True, "templateValues": {"pod": {"volumes": None}}}},
        ),
        ("rstudio-pm", "0.20.4", {"resources": None}),
        ("rstudio-pm", "0.20.4", {"config": {"Metrics": None}}),
        ("rstudio-pm", "0.5.29", {"config": {"Server": "a word"}}),
    ],
)
def test_null_traps(helm: Helm, chart: str, version: str, values: Values) -> None:
    with pytest.raises(Refused):
        helm.template(chart, version, values)
