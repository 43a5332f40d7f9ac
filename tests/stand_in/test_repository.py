"""The served repository works with the ordinary Helm commands."""

from __future__ import annotations

import pytest

from tests.stand_in.rendering import CHARTS, STORAGE, Helm


@pytest.mark.parametrize(("chart", "version"), CHARTS)
def test_hands_out_every_chart(helm: Helm, chart: str, version: str) -> None:
    where = ("--repo", helm.repository.url, "--version", version)
    helm.run("pull", chart, *where, "--destination", helm.home)
    assert (helm.home / f"{chart}-{version}.tgz").exists()
    assert helm.run("template", "rel", chart, *where, "--values", helm.written(STORAGE))


@pytest.mark.parametrize(("chart", "version"), CHARTS)
def test_charts_pass_lint(helm: Helm, chart: str, version: str) -> None:
    archive = helm.repository.archive(chart, version)
    assert "0 chart(s) failed" in helm.run("lint", "--strict", archive, "--values", helm.written(STORAGE))
