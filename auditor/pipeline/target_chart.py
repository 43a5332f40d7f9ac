"""The defaults of the chart that is gone to, from the chart itself where `--chart` names a place that has it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.helm.charts import Charts, chart_file
from auditor.helm.command import Helm
from auditor.settings import ClusterSettings
from auditor.values.document import Document


def defaults_of(name: str, version: str, *, sources: Sequence[str], helm: str) -> Mapping[str, Any] | None:
    """The chart's values.yaml; None without sources, and then the catalog must do. Raises ChartNotFound where the
    sources don't hold it: what was named is not silently replaced by what is remembered."""
    if not sources:
        return None
    with tempfile.TemporaryDirectory(prefix="posit-audit-") as folder:
        charts = Charts(sources, Helm(ClusterSettings(), program=helm), Path(folder), catalog=None)
        archive = charts.find(name, version).path
        return Document.parse(chart_file(archive, "values.yaml"), f"{archive.name} values.yaml").data
