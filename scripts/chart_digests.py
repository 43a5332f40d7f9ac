"""Writes auditor/catalog/data/archives.json: the SHA-256 of every released archive of both charts.

    curl -fsS https://helm.rstudio.com/index.yaml | python -m scripts.chart_digests
    git -C helm show origin/gh-pages:index.yaml | python -m scripts.chart_digests

The index of the repository (branch gh-pages of https://github.com/rstudio/helm) names them. An archive that was
released under a version never changes: a row that is there and differs ends with 1, and nothing is written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from auditor.catalog.versions import order
from auditor.model.product import Product

FILE = Path(__file__).resolve().parents[1] / "auditor" / "catalog" / "data" / "archives.json"

Rows = dict[str, dict[str, str]]
"""By chart and version."""


def rows_of(index: dict[str, Any]) -> Rows:
    return {
        product: {str(entry["version"]): str(entry["digest"]) for entry in index["entries"].get(product, ())}
        for product in Product
    }


def contradictions(known: Rows, found: Rows) -> list[str]:
    return [
        f"{chart} {version} is {digest} here and {found[chart][version]} there"
        for chart, versions in known.items()
        for version, digest in versions.items()
        if found.get(chart, {}).get(version, digest) != digest
    ]


def written(rows: Rows) -> str:
    """One row per line, oldest first."""
    blocks = []
    for chart in sorted(rows):
        lines = [
            json.dumps({"version": version, "sha256": rows[chart][version]})
            for version in sorted(rows[chart], key=order)
        ]
        blocks.append(f"{json.dumps(chart)}: [\n" + ",\n".join(lines) + "\n]")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> int:
    found = rows_of(yaml.load(sys.stdin.buffer, Loader=yaml.CSafeLoader))
    known: Rows = {}
    if FILE.exists():
        for chart, rows in json.loads(FILE.read_bytes()).items():
            known[chart] = {row["version"]: row["sha256"] for row in rows}
    wrong = contradictions(known, found)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    FILE.write_text(written({chart: {**known.get(chart, {}), **found[chart]} for chart in found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
