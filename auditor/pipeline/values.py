"""Values files, offline: what an upgrade makes of them, and the files that the newer chart wants."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from auditor.catalog import Catalog, Chart, load
from auditor.catalog.versions import order
from auditor.errors import PositAuditError
from auditor.model.product import Product
from auditor.model.values import Lint
from auditor.names.shown import key
from auditor.pipeline.target_chart import defaults_of
from auditor.values.coalesce import merge
from auditor.values.document import Document
from auditor.values.files import guess_chart
from auditor.values.lint import lint
from auditor.values.migration import Migration, migrate

STDIN = "-"


class BadRequest(PositAuditError):
    """A chart or version that can't be worked with."""


class ValuesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Files in the order in which Helm gets them; "-" is stdin. Empty names and versions are found out."""

    files: tuple[str, ...]
    chart_name: str = ""
    from_version: str = ""
    to_version: str = ""
    namespace: str = "default"
    catalogs: tuple[Path, ...] = ()
    charts: tuple[str, ...] = ()
    """Where the target chart itself is, for its own defaults; else the catalog's."""
    helm: str = ""
    reuse_values: bool = False


def lint_files(request: ValuesRequest) -> Lint:
    """Raises UnreadableFile, UnreadableValues or BadRequest."""
    if request.reuse_values and not request.from_version:
        raise BadRequest(
            "What --reuse-values keeps are the defaults of the chart that runs now, and that is not known.",
            hint="Name it: --from VERSION.",
        )
    documents, chart = _opened(request)
    to_version = request.to_version or chart.newest
    return lint(
        documents,
        chart,
        from_version=request.from_version or None,
        to_version=to_version,
        to_defaults=defaults_of(chart.name, to_version, sources=request.charts, helm=request.helm),
        namespace=request.namespace,
        reuse_values=request.reuse_values,
    )


def migrate_files(request: ValuesRequest) -> tuple[tuple[Document, ...], Migration]:
    """The documents as they were, and what became of them. Raises as `lint_files` does."""
    documents, chart = _opened(request)
    result = migrate(
        documents,
        chart,
        from_version=request.from_version or None,
        to_version=request.to_version or None,
        namespace=request.namespace,
    )
    return documents, result


def _opened(request: ValuesRequest) -> tuple[tuple[Document, ...], Chart]:
    if request.files.count(STDIN) > 1:
        raise BadRequest("- is given twice, and stdin can be read once.", hint="Name the other file.")
    documents = tuple(_read(name) for name in request.files)
    for document in documents:
        _refuse_wrapped(document)
    catalog = load(request.catalogs)
    chart = catalog.chart(_chart_name(request, documents, catalog))
    _check_versions(request, chart)
    return documents, chart


def _read(name: str) -> Document:
    if not name:
        raise BadRequest("The name of a values file is empty.", hint="Name a file, or - for stdin.")
    if name == STDIN:
        if sys.stdin is None:
            raise BadRequest("stdin is closed.", hint="Give the values on it, or name a file.")
        return Document.parse(sys.stdin.buffer.read(), "<stdin>")
    return Document.read(Path(name))


def _refuse_wrapped(document: Document) -> None:
    """Judged as values, what holds them further down would be all keys that nobody reads."""
    kind, own = document.data.get("kind"), "Put the values into a file of their own"
    if isinstance(kind, str) and "apiVersion" in document.data:
        raise BadRequest(
            f"{document.source} is no values file but a Kubernetes object, {key(kind)}.",
            hint=f"{own}, such as what stands at spec.values of a HelmRelease.",
        )
    for name in Product:
        if isinstance(document.data.get(name), dict):
            raise BadRequest(
                f"{document.source} holds the values below {name}, as for a chart that {name} is a dependency of.",
                hint=f"{own}: what stands below {name}.",
            )


def _chart_name(request: ValuesRequest, documents: Sequence[Document], catalog: Catalog) -> Product:
    if request.chart_name:
        return Product(request.chart_name)
    guessed = guess_chart(merge(document.data for document in documents), catalog)
    if guessed is None:
        raise BadRequest(
            f"The keys of {', '.join(document.source for document in documents)} don't tell which chart they are for.",
            hint="Name it: --chart-name rstudio-connect or --chart-name rstudio-pm.",
        )
    return guessed


def _check_versions(request: ValuesRequest, chart: Chart) -> None:
    for flag, version in (("--from", request.from_version), ("--to", request.to_version)):
        if version and chart.release(version) is None:
            raise BadRequest(
                f"{chart.name} {version} ({flag}) is not in the catalog, which knows {chart.oldest} to {chart.newest}.",
                hint="Check the version, or add its rows with --catalog FILE.",
            )
    if request.from_version and request.to_version and order(request.from_version) > order(request.to_version):
        raise BadRequest(
            f"{chart.name} {request.from_version} is newer than {request.to_version}: that is no upgrade.",
            hint="Exchange --from and --to.",
        )
