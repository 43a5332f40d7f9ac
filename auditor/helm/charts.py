"""Finds the archive or folder of one chart version among the sources that `--chart` named."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog
import yaml

from auditor.errors import ChartNotFound, HelmError
from auditor.helm.command import Helm
from auditor.names.address import address, without_credentials

log = structlog.get_logger()


class Charts:
    """A source is a repository's URL, an `oci://` reference (of the chart, or of what holds it), a chart's folder or
    archive, or a folder of those. Sources are asked in the order given."""

    def __init__(self, sources: Sequence[str], helm: Helm, directory: Path) -> None:
        """`directory` takes what is downloaded, and outlives this object."""
        self._sources = tuple(sources)
        self._helm = helm
        self._directory = directory
        self._found: dict[tuple[str, str], Path] = {}

    def find(self, name: str, version: str) -> Path:
        """Raises ChartNotFound with what each source said."""
        wanted = (name, version)
        if wanted not in self._found:
            self._found[wanted] = self._search(name, version)
        return self._found[wanted]

    def _search(self, name: str, version: str) -> Path:
        said: list[str] = []
        for source in self._sources:
            try:
                return self._in(source, name, version)
            except HelmError as error:
                said.append(f"{address(source)}: {error.message}")
        told = f" ({' '.join(said)})" if said else ""
        raise ChartNotFound(
            f"The chart {name} {version} is needed and was not found{told}.",
            hint="Give it with --chart SOURCE: a repository URL, an oci:// reference, a chart folder or a folder of"
            " chart archives.",
        )

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
        if _identity(archive) != (name, version):
            raise HelmError("what it gave is another chart.")
        return archive


def _on_disk(path: Path, name: str, version: str) -> Path:
    if not path.exists():
        raise HelmError("there is no such file or folder.")
    seen = []
    for candidate in _candidates(path):
        identity = _identity(candidate)
        if identity == (name, version):
            return candidate
        if identity:
            seen.append(" ".join(identity))
    raise HelmError(f"it holds {', '.join(seen)}." if seen else "it holds no chart.")


def _candidates(path: Path) -> Iterator[Path]:
    if path.is_file() or (path / "Chart.yaml").is_file():
        yield path
        return
    yield from sorted(entry for entry in path.iterdir() if entry.suffix == ".tgz" or (entry / "Chart.yaml").is_file())


def _identity(path: Path) -> tuple[str, str] | None:
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
