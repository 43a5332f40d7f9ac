"""The right name and version is picked from whatever --chart named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from auditor.catalog import Catalog, load
from auditor.errors import ChartNotFound, ChartNotKnown
from auditor.helm import digests
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


def charts(
    tmp_path: Path, *sources: str, helm: str = "", catalog: Catalog | None = None, unsafe: bool = False
) -> Charts:
    program = Helm(ClusterSettings(), program=helm or str(find_helm()))
    return Charts(sources, program, tmp_path, catalog=catalog, unsafe=unsafe)


def chart_folder(parent: Path, version: str = VERSION) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / "anything"
    folder.mkdir()
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {NAME}\nversion: {version}\n")
    return folder


def test_from_a_repository(tmp_path: Path, repository: ChartRepository) -> None:
    found = charts(tmp_path, repository.url).find(NAME, VERSION).path
    assert found.name == f"{NAME}-{VERSION}.tgz"
    assert found.is_relative_to(tmp_path)
    assert found.read_bytes() == repository.archive(NAME, VERSION).read_bytes()


def test_from_a_folder_of_archives_an_archive_and_a_chart_folder(tmp_path: Path, repository: ChartRepository) -> None:
    archive = repository.archive(NAME, VERSION)
    for source in (repository.folder, archive):
        found = charts(tmp_path, str(source)).find(NAME, VERSION).path
        assert found.read_bytes() == archive.read_bytes()
    folder = chart_folder(tmp_path / "mine")
    for source in (folder, folder.parent):
        found = charts(tmp_path, str(source)).find(NAME, VERSION).path
        assert (found / "Chart.yaml").read_bytes() == (folder / "Chart.yaml").read_bytes()


def test_what_is_used_is_a_copy_that_nobody_else_changes(tmp_path: Path) -> None:
    folder = chart_folder(tmp_path / "mine")
    sources = charts(tmp_path / "ours", str(folder))
    before = sources.find(NAME, VERSION)
    (folder / "Chart.yaml").write_text("changed")
    after = sources.find(NAME, VERSION)
    assert after == before
    assert "changed" not in (after.path / "Chart.yaml").read_text()


def test_the_first_source_that_has_it_wins_and_it_is_fetched_once(tmp_path: Path, repository: ChartRepository) -> None:
    sources = charts(tmp_path, str(tmp_path), repository.url)
    first = sources.find(NAME, VERSION)
    first.path.unlink()
    assert sources.find(NAME, VERSION) == first


def test_a_chart_of_another_digest_is_not_believed(tmp_path: Path, repository: ChartRepository) -> None:
    archive = str(repository.archive(NAME, VERSION))
    with pytest.raises(ChartNotKnown, match=r"not one that the catalog knows: its SHA-256 is [0-9a-f]{64}\..*--unsafe"):
        charts(tmp_path, archive, catalog=load()).find(NAME, VERSION)
    assert charts(tmp_path, archive, catalog=load([repository.catalog])).find(NAME, VERSION).known
    taken = charts(tmp_path, archive, catalog=load(), unsafe=True).find(NAME, VERSION)
    assert not taken.known
    agreed = charts(tmp_path, archive, catalog=load()).find(NAME, VERSION, agreed=taken.sha256)
    assert agreed.sha256 == taken.sha256


def test_one_that_the_catalog_knows_is_found_behind_one_that_it_does_not(
    tmp_path: Path, repository: ChartRepository
) -> None:
    forged = str(chart_folder(tmp_path / "forged"))
    sources = (forged, str(repository.folder))
    known = load([repository.catalog])
    for unsafe in (False, True):
        found = charts(tmp_path, *sources, catalog=known, unsafe=unsafe).find(NAME, VERSION)
        assert found.path.name == f"{NAME}-{VERSION}.tgz"


def test_the_digest_of_a_folder_is_that_of_its_files_as_the_shell_counts_it(tmp_path: Path) -> None:
    folder = chart_folder(tmp_path / "mine")
    (folder / "templates").mkdir()
    for name in ("values.yaml", "templates/b.yaml", "templates-a", "templates/\u00e4 c"):
        (folder / name).write_text(name)
    shell = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    said = subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert charts(tmp_path / "ours", str(folder)).find(NAME, VERSION).sha256 == said.split()[0]


def test_links_to_folders_pipes_and_giants_are_no_charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = chart_folder(tmp_path / "mine")
    (folder / "loop").symlink_to(folder)
    with pytest.raises(ChartNotFound, match="link to a folder"):
        charts(tmp_path / "a", str(folder)).find(NAME, VERSION)
    (folder / "loop").unlink()
    (folder / "values.yaml").write_text("x" * 2000)
    monkeypatch.setattr(digests, "LARGEST", 1000)
    with pytest.raises(ChartNotFound, match="more than"):
        charts(tmp_path / "b", str(folder)).find(NAME, VERSION)
    (folder / "values.yaml").unlink()
    os.mkfifo(folder / "values.yaml")
    with pytest.raises(ChartNotFound, match="is no file"):
        charts(tmp_path / "c", str(folder)).find(NAME, VERSION)


def test_from_a_registry_by_the_chart_or_by_what_holds_it(tmp_path: Path, repository: ChartRepository) -> None:
    archive = repository.archive(NAME, VERSION)
    fake = program(tmp_path, f'echo "$2" >> asked; cp {archive} {tmp_path}/')
    for reference in ("oci://reg.local/charts", "oci://reg.local/charts/rstudio-pm"):
        assert charts(tmp_path, reference, helm=fake).find(NAME, VERSION).path.name == archive.name
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
