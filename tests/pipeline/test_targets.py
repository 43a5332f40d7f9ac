"""What --to may say, told before anything is asked of a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import ChartNotFound, UnreadableFile
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.target import Target
from auditor.pipeline.targets import UnknownTarget, upgrades
from tests.builders import PACKAGE_MANAGER, helm_record, package_manager


def test_newest_is_the_newest_of_the_catalog() -> None:
    asked = upgrades(("rstudio-pm=newest", "rstudio-connect=v0.20.4"))
    newest = asked.catalog.chart(Product.PACKAGE_MANAGER).newest
    assert asked.versions == {Product.PACKAGE_MANAGER: newest, Product.CONNECT: "0.20.4"}


def test_a_file_with_more_rows_makes_more_versions_known(tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text(
        "releases:\n  rstudio-pm:\n"
        "    - {version: 9.9.9, app_version: 2030.01.0, date: '2030-01-01', library: 0.1.40}\n"
    )
    assert upgrades(("rstudio-pm=newest",), (file,)).versions[Product.PACKAGE_MANAGER] == "9.9.9"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("0.20.4",), "names no chart and version"),
        (("rstudio-workbench=1.0.0",), "names no chart and version"),
        (("rstudio-pm=",), "names no chart and version"),
        (("rstudio-pm=9.9.9",), "knows no chart rstudio-pm 9.9.9"),
        (("rstudio-pm=soon",), "soon is no version"),
        (("rstudio-pm=0.20.4", "rstudio-pm=newest"), "two versions of rstudio-pm"),
    ],
)
def test_what_makes_no_sense_is_told_with_what_would(asked: tuple[str, ...], says: str) -> None:
    with pytest.raises(UnknownTarget, match=says) as raised:
        upgrades(asked)
    assert raised.value.hint


def test_a_catalog_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        upgrades((), (tmp_path / "missing.yaml",))


def chart_of_our_own(folder: Path) -> Path:
    """rstudio-pm 0.20.4 with one default that no released chart has."""
    chart = folder / "rstudio-pm"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: rstudio-pm\nversion: 0.20.4\n")
    (chart / "values.yaml").write_text("replicas: 7\n")
    return chart


def test_the_chart_itself_knows_its_defaults_better_than_the_catalog(tmp_path: Path) -> None:
    release = package_manager(
        chart_version="0.5.29",
        helm=helm_record(PACKAGE_MANAGER, values={}, defaults={"replicas": 1}, chart_version="0.5.29"),
    )
    asked = upgrades(("rstudio-pm=0.20.4",), charts=(str(chart_of_our_own(tmp_path)),))
    target = asked.target(release.ref, release.product, release.helm)
    assert isinstance(target, Target)
    assert target.lint
    assert "replicas" in {finding.key for finding in target.lint.findings}
    remembered = upgrades(("rstudio-pm=0.20.4",)).target(release.ref, release.product, release.helm)
    assert isinstance(remembered, Target)
    assert remembered.lint
    assert "replicas" not in {finding.key for finding in remembered.lint.findings}


@pytest.mark.parametrize(
    ("version", "values", "image"),
    [
        ("0.20.4", {}, "posit/package-manager:2026.08.0-ubuntu-24.04"),
        ("0.5.29", {}, "rstudio/rstudio-package-manager:ubuntu2204-2024.04.4"),
        ("0.20.4", {"image": {"repository": "mirror.example/pm", "tag": "mine"}}, "mirror.example/pm:mine"),
        ("0.20.4", {"versionOverride": "2026.01.0"}, "posit/package-manager:2026.01.0-ubuntu-24.04"),
        ("0.20.4", {"image": {"repository": ["?"]}}, ""),
    ],
)
def test_the_image_of_the_chart_to_come_is_put_together_as_its_template_does(
    version: str, values: dict[str, object], image: str
) -> None:
    record = helm_record(PACKAGE_MANAGER, values=values, defaults={}, chart_version="0.3.9")
    release = package_manager(chart_version="0.3.9", helm=record)
    target = upgrades((f"rstudio-pm={version}",)).target(release.ref, release.product, release.helm)
    assert isinstance(target, Target)
    assert target.image == image


def test_a_chart_that_is_named_and_not_there_is_told(tmp_path: Path) -> None:
    chart = chart_of_our_own(tmp_path)
    with pytest.raises(ChartNotFound, match=r"0\.5\.29 is needed and was not found"):
        upgrades(("rstudio-pm=0.5.29",), charts=(str(chart),))


@pytest.mark.parametrize(("present", "judged"), [("0.20.3-acme.1", True), ("0.20.4-acme.1", True), ("main", False)])
def test_a_release_of_a_repackaged_chart_is_judged_from_its_place_and_one_without_a_version_is_not(
    present: str, judged: bool
) -> None:
    record = helm_record(PACKAGE_MANAGER, values={}, chart_version=present)
    target = upgrades(("rstudio-pm=0.20.4",)).target(package_manager().ref, Product.PACKAGE_MANAGER, record)
    assert isinstance(target, Target) is judged
    if isinstance(target, Unseen):
        assert "main, which is no SemVer version" in target.reason


def test_the_way_back_from_a_newer_repackaged_chart_is_not_judged() -> None:
    """0.21.0-acme.1 was taken for older than 0.20.4."""
    record = helm_record(PACKAGE_MANAGER, values={}, chart_version="0.21.0-acme.1")
    target = upgrades(("rstudio-pm=0.20.4",)).target(package_manager().ref, Product.PACKAGE_MANAGER, record)
    assert isinstance(target, Unseen)
    assert "newer than 0.20.4" in target.reason
