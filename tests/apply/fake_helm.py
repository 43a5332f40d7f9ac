"""What the tests share whose cluster is one release posit/pm and a fake Helm."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.apply.tools import Tools
from auditor.helm.charts import Charts


def quiet(_: Any) -> None:
    """Nobody follows the progress."""


def record_secret(
    revision: int, *, status: str, chart: str, version: str, values: Mapping[str, Any], **more: str
) -> dict[str, Any]:
    """As Helm stores a release: the Secret `sh.helm.release.v1.pm.v<revision>`."""
    record = {
        "name": "pm",
        "version": revision,
        "info": {"status": status},
        "config": values,
        "chart": {"metadata": {"name": chart, "version": version}, "values": {}},
        **more,
    }
    inner = base64.b64encode(gzip.compress(json.dumps(record).encode()))
    return {"data": {"release": base64.b64encode(inner).decode()}}


def tools_for(cluster: Any, folder: Path) -> Tools:
    """`cluster` is reader, writer and Helm in one, and its `time` the clock. The chart is rstudio-pm 0.20.4."""
    chart = folder / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: rstudio-pm\nversion: 0.20.4\n")

    def pause(seconds: float) -> None:
        cluster.time += seconds

    return Tools(
        reader=cluster,
        writer=cluster,
        helm=cluster,
        charts=Charts([str(chart)], cluster, folder, catalog=None),
        server="s",
        private=folder,
        values_folder=folder,
        pause=pause,
        clock=lambda: cluster.time,
    )
