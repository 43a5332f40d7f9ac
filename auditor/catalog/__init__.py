"""What is known about the charts' history and about storage drivers, as data with sources.

`load()` gives a `Catalog`: `catalog.chart("rstudio-connect").defaults_at("0.8.0")`, `catalog.storage(volume)`.
"""

from auditor.catalog.catalog import Catalog, Chart
from auditor.catalog.reading import load

__all__ = ["Catalog", "Chart", "load"]
