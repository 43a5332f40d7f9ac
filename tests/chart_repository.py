"""Packages the stand-in charts with real Helm and serves them on loopback as a chart repository.

`python -m tests.chart_repository FOLDER` writes the archives into FOLDER, with their index.yaml and
the catalog.yaml with their digests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from auditor.pipeline.digests import rows
from scripts.toolchain import build as toolchain

SOURCES = Path(__file__).parent / "charts"
LIBRARY = "rstudio-library"
CATALOG = "catalog.yaml"


class HelmMissingError(RuntimeError):
    def __init__(self) -> None:
        super().__init__("No helm was found: name one in HELM, put it on PATH, or build it with `make cluster`.")


def find_helm() -> Path:
    """The helm named by HELM, otherwise the one on PATH, otherwise the one that the toolchain built."""
    if named := os.environ.get("HELM") or shutil.which("helm"):
        return Path(named)
    built = toolchain.folder() / "helm"
    if not built.exists():
        raise HelmMissingError
    return built


@dataclass(frozen=True, kw_only=True)
class ChartRepository:
    """A folder of chart archives with an index.yaml, and the URL that serves it."""

    folder: Path
    url: str

    @property
    def catalog(self) -> Path:
        """Rows for --catalog by which posit-audit knows these archives, whose digests are not those of Posit's."""
        return self.folder / CATALOG

    @property
    def flags(self) -> tuple[str, ...]:
        """Of posit-audit, for these charts."""
        return "--chart", self.url, "--catalog", str(self.catalog)

    def archive(self, name: str, version: str) -> Path:
        return self.folder / f"{name}-{version}.tgz"


def chart_folders(into: Path) -> list[Path]:
    """Copies of the chart sources below `into`, each with the library chart that it depends on.

    The library lies in the tree once. Each chart gets it under the version that its own Chart.yaml asks for.
    """
    copies = []
    for source in sorted(SOURCES.glob("rstudio-*-*")):
        chart = into / source.name
        shutil.copytree(source, chart)
        library = chart / "charts" / LIBRARY
        shutil.copytree(SOURCES / LIBRARY, library)
        wanted = re.search(rf"name: {LIBRARY}\n\s+version: (\S+)", (chart / "Chart.yaml").read_text())
        if wanted is None:
            raise ValueError(f"{source}/Chart.yaml does not depend on {LIBRARY}")
        metadata = library / "Chart.yaml"
        metadata.write_text(re.sub(r"(?m)^version: .*", f"version: {wanted[1]}", metadata.read_text()))
        copies.append(chart)
    return copies


def package_charts(into: Path) -> Path:
    """Write the archives of all stand-in charts, index.yaml and catalog.yaml into the folder `into`; returns it."""
    helm = find_helm()
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        charts = chart_folders(Path(scratch))
        subprocess.run([helm, "package", "--destination", into, *charts], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([helm, "repo", "index", into], check=True)
    (into / CATALOG).write_text(rows(sorted(into.glob("*.tgz"))))
    return into


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gave
        """Say nothing: the repository's log would mix with the output of tests."""


@contextmanager
def chart_repository(folder: Path | None = None) -> Iterator[ChartRepository]:
    """Package into `folder` (a temporary one by default) and serve it on a free port of 127.0.0.1."""
    with tempfile.TemporaryDirectory() as scratch:
        archives = package_charts(folder or Path(scratch))
        handler = partial(_QuietHandler, directory=str(archives))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield ChartRepository(folder=archives, url=f"http://127.0.0.1:{server.server_port}")
            finally:
                server.shutdown()
                thread.join()


if __name__ == "__main__":
    package_charts(Path(sys.argv[1]))
