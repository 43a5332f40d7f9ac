"""Rows that make a chart known by its digest."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from auditor.errors import HelmError, UnreadableFile
from auditor.helm.charts import identity
from auditor.helm.digests import copied
from auditor.model.product import Product


def rows(charts: Sequence[Path]) -> str:
    """A catalog file. Raises UnreadableFile."""
    archives: dict[str, list[dict[str, str]]] = {}
    with tempfile.TemporaryDirectory(prefix="posit-audit-") as folder:
        for number, path in enumerate(charts):
            name, version, sha256 = _read(path, Path(folder) / str(number))
            archives.setdefault(name, []).append({"version": version, "sha256": sha256})
    return yaml.safe_dump({"archives": archives}, sort_keys=False)


def _read(path: Path, into: Path) -> tuple[str, str, str]:
    if not path.exists():
        raise UnreadableFile(f"There is no chart {path}.")
    try:
        copy, sha256 = copied(path, into)
    except HelmError as error:
        raise UnreadableFile(f"{path}: {error.message}") from None
    found = identity(copy)
    if found is None or found[0] not in tuple(Product):
        raise UnreadableFile(
            f"{path} is not a chart of {' or '.join(Product)}.", hint="Name a chart archive, or a chart folder."
        )
    return (*found, sha256)
