"""The right name and version is picked from whatever --chart named."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import ChartNotFound
from auditor.helm.charts import Charts
from auditor.helm.command import Helm
from auditor.settings import ClusterSettings
from tests.chart_repository import ChartRepository, chart_repository, find_helm
from tests.helm.test_command import program

NAME, VERSION = "rstudio-pm", "0.20.4"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory):  # noqa: ANN201 - a generator of ChartRepository
    with chart_repository(tmp_path_factory.mktemp("archives")) as served:
        yield served


def charts(tmp_path: Path, *sources: str, helm: str = "") -> Charts:
    return Charts(sources, Helm(ClusterSettings(), program=helm or str(find_helm())), tmp_path)


def test_from_a_repository(tmp_path: Path, repository: ChartRepository) -> None:
    found = charts(tmp_path, repository.url).find(NAME, VERSION)
    assert found == tmp_path / f"{NAME}-{VERSION}.tgz"
    assert found.read_bytes() == repository.archive(NAME, VERSION).read_bytes()


def test_from_a_folder_of_archives_an_archive_and_a_chart_folder(tmp_path: Path, repository: ChartRepository) -> None:
    archive = repository.archive(NAME, VERSION)
    assert charts(tmp_path, str(repository.folder)).find(NAME, VERSION) == archive
    assert charts(tmp_path, str(archive)).find(NAME, VERSION) == archive
    folder = tmp_path / "mine" / "anything"
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {NAME}\nversion: {VERSION}\n")
    assert charts(tmp_path, str(folder)).find(NAME, VERSION) == folder
    assert charts(tmp_path, str(folder.parent)).find(NAME, VERSION) == folder


def test_the_first_source_that_has_it_wins_and_it_is_fetched_once(tmp_path: Path, repository: ChartRepository) -> None:
    sources = charts(tmp_path, str(tmp_path), repository.url)
    first = sources.find(NAME, VERSION)
    first.unlink()
    assert sources.find(NAME, VERSION) == first


def test_from_a_registry_by_the_chart_or_by_what_holds_it(tmp_path: Path, repository: ChartRepository) -> None:
    archive = repository.archive(NAME, VERSION)
    fake = program(tmp_path, f'echo "$2" >> asked; cp {archive} {tmp_path}/')
    for reference in ("oci://reg.local/charts", "oci://reg.local/charts/rstudio-pm"):
        assert charts(tmp_path, reference, helm=fake).find(NAME, VERSION).name == archive.name
    assert set((tmp_path / "asked").read_text().split()) == {"oci://reg.local/charts/rstudio-pm"}


def test_a_chart_that_claims_another_name_is_not_taken(tmp_path: Path, repository: ChartRepository) -> None:
    wrong = repository.archive("rstudio-connect", "0.21.0")
    fake = program(tmp_path, f"cp {wrong} {tmp_path}/{NAME}-{VERSION}.tgz")
    with pytest.raises(ChartNotFound, match="another chart"):
        charts(tmp_path, "oci://reg.local/charts", helm=fake).find(NAME, VERSION)


def test_what_each_source_said_is_told(tmp_path: Path, repository: ChartRepository) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.tgz").write_text("no archive")
    sources = (str(repository.folder), repository.url, str(tmp_path / "empty"), str(tmp_path / "broken.tgz"), "/none")
    with pytest.raises(ChartNotFound) as error:
        charts(tmp_path, *sources).find(NAME, "9.9.9")
    text = str(error.value)
    assert "rstudio-pm 9.9.9 is needed and was not found" in text
    assert "it holds rstudio-connect 0.21.0" in text
    assert "it holds no chart." in text
    assert "there is no such file or folder." in text
    assert "--chart SOURCE" in text


def test_without_any_source_it_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(ChartNotFound, match=r"was not found\. Give it with --chart SOURCE"):
        charts(tmp_path).find(NAME, VERSION)


def test_a_password_in_a_url_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ChartNotFound) as error:
        charts(tmp_path, "http://user:s3cret@127.0.0.1:1/charts").find(NAME, VERSION)
    assert "s3cret" not in str(error.value)
