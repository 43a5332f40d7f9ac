"""What opens a private chart repository is in no argument of any process, in no message, and in no file afterwards."""

from __future__ import annotations

import base64
import stat
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from auditor.errors import ChartNotFound, HelmError
from auditor.helm.charts import Charts
from auditor.helm.command import Helm
from auditor.settings import ClusterSettings
from scripts.toolchain import build as toolchain
from tests.chart_repository import ChartRepository, chart_repository
from tests.helm.test_command import program

NAME, VERSION = "rstudio-pm", "0.20.4"
USER, PASSWORD, SIGNATURE, TOKEN = "me-c4nary", "p:c4nary/1", "sig-c4nary==", "c4naryTokenInThePath0123"
SECRETS = (USER, PASSWORD, "p%3Ac4nary%2F1", SIGNATURE, "sig-c4nary%3D%3D", TOKEN)
QUERY = "sig=sig-c4nary%3D%3D&expires=1"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChartRepository]:
    with chart_repository(tmp_path_factory.mktemp("archives")) as served:
        yield served


@pytest.fixture
def private(repository: ChartRepository) -> Iterator[str]:
    """The address, with credentials, of a repository that answers those alone who have all of them."""

    class Private(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(repository.folder))

        def do_GET(self) -> None:
            login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            url = urlsplit(self.path)
            signed = url.query == QUERY or url.path.endswith(".tgz")
            if self.headers.get("Authorization") != login or not signed or not url.path.startswith(f"/{TOKEN}/"):
                self.send_error(403)
                return
            self.path = url.path.removeprefix(f"/{TOKEN}")
            super().do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gave
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Private) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://{USER}:p%3Ac4nary%2F1@127.0.0.1:{server.server_port}/{TOKEN}?{QUERY}"
        finally:
            server.shutdown()
            thread.join()


def spied(tmp_path: Path, version: str) -> str:
    """Helm, which writes down what it is started with: arguments, and the mode of the file that it is given."""
    real = toolchain.helm(version)
    script = f"""case "$*" in *repository-config*)
  file=$(printf '%s\\n' "$@" | grep -A1 -x -e --repository-config | tail -1)
  stat -c '%a %n' "$file" "$(dirname "$file")" >> files;; esac
printf '%s\\n' "$@" >> arguments
exec {real} "$@" """
    return program(tmp_path, script, f"v{version.removeprefix('v')}")


def nothing_of_it(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize("version", [toolchain.HELM, toolchain.HELM_3])
def test_a_private_repository_is_opened_by_a_file_that_is_gone_afterwards(
    version: str, private: str, repository: ChartRepository, tmp_path: Path
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    with structlog.testing.capture_logs() as logged:
        found = Charts(
            [private], Helm(ClusterSettings(), program=spied(tmp_path, version)), downloads, catalog=None
        ).find(NAME, VERSION)
    assert found.path.read_bytes() == repository.archive(NAME, VERSION).read_bytes()
    nothing_of_it((tmp_path / "arguments").read_text())
    nothing_of_it(repr(logged))
    modes = {line.split()[0] for line in (tmp_path / "files").read_text().splitlines()}
    assert modes == {"600", "700"}
    assert not [line for line in (tmp_path / "files").read_text().splitlines() if Path(line.split()[1]).exists()]


@pytest.mark.parametrize("version", [toolchain.HELM, toolchain.HELM_3])
def test_a_repository_that_does_not_answer_is_told_without_what_opens_it(
    version: str, private: str, tmp_path: Path
) -> None:
    wrong = private.replace("p%3Ac4nary%2F1", "other-c4nary")
    nowhere = f"http://{USER}:other-c4nary@127.0.0.1:1/{TOKEN}?{QUERY}"
    with pytest.raises(ChartNotFound) as error:
        Charts(
            [wrong, nowhere], Helm(ClusterSettings(), program=spied(tmp_path, version)), tmp_path, catalog=None
        ).find(NAME, VERSION)
    text = str(error.value)
    nothing_of_it(text)
    assert "other-c4nary" not in text
    assert "403" in text
    assert "connection refused" in text
    assert "http://127.0.0.1:1/****" in text


@pytest.mark.parametrize("source", ["oci://me:c4nary@reg.local/charts", "oci://reg.local/charts?token=c4nary"])
def test_a_reference_to_a_registry_with_credentials_is_not_handed_to_helm(source: str, tmp_path: Path) -> None:
    fake = program(tmp_path, 'echo "$@" >> arguments')
    with pytest.raises(ChartNotFound, match="helm registry login") as error:
        Charts([source], Helm(ClusterSettings(), program=fake), tmp_path, catalog=None).find(NAME, VERSION)
    assert "c4nary" not in str(error.value)
    assert not (tmp_path / "arguments").exists()


def test_the_file_is_gone_after_an_interrupt(tmp_path: Path) -> None:
    fake = program(tmp_path, 'echo "$4" > file; stat -c %a "$4" >> file; kill -INT $PPID; sleep 5')
    with pytest.raises((KeyboardInterrupt, HelmError)):
        Helm(ClusterSettings(), program=fake).pull(NAME, version=VERSION, repository="https://h/x", into=tmp_path)
    file, mode = (tmp_path / "file").read_text().split()
    assert mode == "600"
    assert not Path(file).exists()
    assert not stat.S_IMODE(tmp_path.stat().st_mode) & stat.S_IWOTH
