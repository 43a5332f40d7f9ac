"""What `--to` asks for, checked before anything is asked of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor import catalog
from auditor.catalog import Chart
from auditor.catalog.versions import parse
from auditor.errors import PositAuditError
from auditor.model.product import Product
from auditor.pipeline.target_chart import defaults_of
from auditor.questions.targets import Upgrades

_NEWEST = "newest"
_FORM = "Write --to rstudio-connect=VERSION or --to rstudio-pm=VERSION, with newest for the newest known."


class UnknownTarget(PositAuditError):
    """`--to` names a chart or a version that nobody knows."""


def upgrades(
    asked: Sequence[str], catalog_files: Sequence[Path] = (), *, charts: Sequence[str] = (), helm: str = ""
) -> Upgrades:
    """`asked`: "rstudio-pm=0.20.4", "rstudio-connect=newest". `charts`: sources of the charts themselves, whose own
    defaults are then used. Raises UnknownTarget, UnreadableFile, ChartNotFound."""
    known = catalog.load(catalog_files)
    versions: dict[Product, str] = {}
    for text in asked:
        name, equals, version = (part.strip() for part in text.partition("="))
        if name not in tuple(Product) or not equals or not version:
            raise UnknownTarget(f"--to {text} names no chart and version.", hint=_FORM)
        product = Product(name)
        if product in versions:
            raise UnknownTarget(f"--to names two versions of {name}.", hint="Give each chart once.")
        versions[product] = _version(known.chart(product), version)
    found = {p: defaults_of(p, version, sources=charts, helm=helm) for p, version in versions.items()}
    defaults = {product: values for product, values in found.items() if values is not None}
    return Upgrades(versions=versions, catalog=known, defaults=defaults)


def _version(chart: Chart, asked: str) -> str:
    if asked == _NEWEST:
        return chart.newest
    version = asked.removeprefix("v")
    if chart.release(version) is not None:
        return version
    newest = f"The newest known is {chart.newest}; --catalog FILE adds rows for others."
    if parse(version) is None:
        raise UnknownTarget(f"{asked} is no version of chart {chart.name}.", hint=newest)
    raise UnknownTarget(f"The catalog knows no chart {chart.name} {version}.", hint=newest)
