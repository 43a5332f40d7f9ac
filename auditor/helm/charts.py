"""Finds the archive or folder of one chart version among the sources that `--chart` named.

A name and a version say nothing of what a chart renders: what is to be rendered with somebody's permissions is compared
with the digests that the catalog knows.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import structlog
import yaml

from auditor.catalog import Catalog
from auditor.errors import ChartNotFound, ChartNotKnown, HelmError
from auditor.helm.command import Helm
from auditor.helm.digests import copied
from auditor.names.address import address, without_credentials

log = structlog.get_logger()


@dataclass(frozen=True)
class FoundChart:
    """A copy of our own. `known`: the catalog vouches for it."""

    path: Path
    sha256: str
    known: bool


class Charts:
    """A source is a repository's URL, an `oci://` reference (of the chart, or of what holds it), a chart's folder or
    archive, or a folder of those. Sources are asked in the order given."""

    def __init__(
        self, sources: Sequence[str], helm: Helm, directory: Path, *, catalog: Catalog | None, unsafe: bool = False
    ) -> None:
        """`directory` takes copies, and outlives this object. With `catalog` only a chart that it vouches for is found,
        unless `unsafe`; None is for charts that are read and not rendered."""
        self._sources = tuple(sources)
        self._helm = helm
        self._directory = directory
        self._catalog = catalog
        self._unsafe = unsafe
        self._found: dict[tuple[str, str], list[FoundChart]] = {}
        self._copies = count()

    def find(self, name: str, version: str, *, agreed: str = "") -> FoundChart:
        """`agreed`: a digest that is taken although the catalog does not know it. Raises ChartNotFound with what each
        source said, ChartNotKnown where they hold only others."""
        wanted = (name, version)
        if wanted not in self._found:
            self._found[wanted] = self._search(name, version)
        charts = self._found[wanted]
        for chart in charts:
            if chart.known or self._unsafe or chart.sha256 == agreed:
                return chart
        raise ChartNotKnown(
            f"The chart {name} {version} that --chart names is not one that the catalog knows: its SHA-256 is"
            f" {charts[0].sha256}.",
            hint="Use the archive that Posit released. If this chart is right, add its row by --catalog FILE"
            " (posit-audit catalog digest prints it), or plan with --unsafe.",
        )

    def _search(self, name: str, version: str) -> list[FoundChart]:
        """In the order of the sources, up to the first that the catalog knows; at least one."""
        said: list[str] = []
        found: list[FoundChart] = []
        for source in self._sources:
            try:
                found.append(self._judged(self._in(source, name, version), name, version))
            except HelmError as error:
                said.append(f"{address(source)}: {error.message}")
                continue
            if found[-1].known:
                break
        if found:
            return sorted(found, key=lambda chart: not chart.known)
        told = f" ({' '.join(said)})" if said else ""
        raise ChartNotFound(
            f"The chart {name} {version} is needed and was not found{told}.",
            hint="Give it with --chart SOURCE: a repository URL, an oci:// reference, a chart folder or a folder of"
            " chart archives.",
        )

    def _judged(self, chart: Path, name: str, version: str) -> FoundChart:
        copy, sha256 = copied(chart, self._directory / f"chart-{next(self._copies)}")
        if identity(copy) != (name, version):
            raise HelmError("it was changed while it was read.")
        return FoundChart(copy, sha256, known=self._catalog is None or self._catalog.vouches_for(name, version, sha256))

    def _in(self, source: str, name: str, version: str) -> Path:
        if source.startswith("oci://"):
            if without_credentials(source) != source:
                raise HelmError("a reference holds no user, password or query: log in with helm registry login.")
            reference = source if source.rstrip("/").rsplit("/", 1)[-1] == name else f"{source.rstrip('/')}/{name}"
            return self._pulled(reference, name, version)
        if source.startswith(("http://", "https://")):
            return self._pulled(name, name, version, repository=source)
        return _on_disk(Path(source).expanduser(), name, version)

    def _pulled(self, chart: str, name: str, version: str, *, repository: str = "") -> Path:
        log.info("fetching chart", chart=name, version=version, source=address(repository or chart))
        self._helm.pull(chart, version=version, repository=repository, into=self._directory)
        archive = self._directory / f"{name}-{version}.tgz"
        if identity(archive) != (name, version):
            raise HelmError("what it gave is another chart.")
        return archive


def _on_disk(path: Path, name: str, version: str) -> Path:
    if not path.exists():
        raise HelmError("there is no such file or folder.")
    seen = []
    for candidate in _candidates(path):
        found = identity(candidate)
        if found == (name, version):
            return candidate
        if found:
            seen.append(" ".join(found))
    raise HelmError(f"it holds {', '.join(seen)}." if seen else "it holds no chart.")


def _candidates(path: Path) -> Iterator[Path]:
    if path.is_file() or (path / "Chart.yaml").is_file():
        yield path
        return
    yield from sorted(entry for entry in path.iterdir() if entry.suffix == ".tgz" or (entry / "Chart.yaml").is_file())


def identity(path: Path) -> tuple[str, str] | None:
    """Name and version by a chart's own Chart.yaml; None for what isn't a chart."""
    try:
        text = chart_file(path, "Chart.yaml")
        data = yaml.safe_load(text)
        return str(data["name"]), str(data["version"])
    except (OSError, EOFError, tarfile.TarError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return None


def chart_file(path: Path, name: str) -> bytes:
    """A file at the top of a chart's folder or archive. Raises KeyError or OSError where it isn't there."""
    if path.is_dir():
        return (path / name).read_bytes()
    with tarfile.open(path) as tar:
        for member in tar:
            # `<chart>/Chart.yaml`; a subchart's lies deeper.
            if member.isfile() and member.name.count("/") == 1 and member.name.endswith(f"/{name}"):
                file = tar.extractfile(member)
                if file is not None:
                    return file.read()
    raise KeyError(name)
