"""Values files on disk and on screen: which chart they are for, what changed in them, and safe writing."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from auditor.catalog import Catalog, Chart
from auditor.errors import UnwritableFile
from auditor.model.keypath import KeyPath, leaves, split_key
from auditor.model.product import Product
from auditor.values.document import Document

_IMAGES: Final = {"connect": Product.CONNECT, "package-manager": Product.PACKAGE_MANAGER}
_FOLDERS: Final = {"/rstudio-connect": Product.CONNECT, "/rstudio-pm": Product.PACKAGE_MANAGER}
_SECTION: Final = 2  # config.<section>


def guess_chart(values: Mapping[str, Any], catalog: Catalog) -> Product | None:
    """The chart that merged values are for, or None where nothing or both speak.

    The image's name decides, else keys that only one of the charts ever knew, else folders named after a product.
    """
    image = values.get("image")
    repository = str(image.get("repository") or "") if isinstance(image, Mapping) else ""
    named = _named(repository, _IMAGES)
    if len(named) != 1:
        named = _knowing(values, catalog) or {
            product for _, text in leaves(values) if isinstance(text, str) for product in _named(text, _FOLDERS)
        }
    return named.pop() if len(named) == 1 else None


def _named(text: str, words: Mapping[str, Product]) -> set[Product]:
    return {product for word, product in words.items() if word in text}


def _knowing(values: Mapping[str, Any], catalog: Catalog) -> set[Product]:
    """Charts that knew a key which the other has no room for.

    Of config only the sections count: defaults show few of a product's settings.
    """
    found = set()
    for path, _ in leaves(values):
        longest = _SECTION if path[:1] == ("config",) else len(path)
        for key in (path[:length] for length in range(1, min(longest, len(path)) + 1)):
            known = {chart.name for chart in catalog.charts if key in _ever_known(chart)}
            room = {chart.name for chart in catalog.charts if _has_room(chart, key)}
            if len(known) == 1 and room <= known:
                found |= known
    return found


@cache
def _ever_known(chart: Chart) -> frozenset[KeyPath]:
    """Every key of the chart's history with the maps above it."""
    paths = (split_key(history.key) for history in chart.defaults)
    return frozenset(path[:length] for path in paths for length in range(1, len(path) + 1))


@cache
def _ends(chart: Chart) -> frozenset[KeyPath]:
    return frozenset(split_key(history.key) for history in chart.defaults)


def _has_room(chart: Chart, key: KeyPath) -> bool:
    """Whether anything might stand here, because the chart's defaults end above it."""
    return any(key[:length] in _ends(chart) for length in range(1, len(key)))


def diff(before: Document, after: Document) -> str:
    """A unified diff of the two texts, "" where they are equal. It shows values."""
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(
            before.text().splitlines(keepends=True),
            after.text().splitlines(keepends=True),
            f"a/{before.source.lstrip('/')}",
            f"b/{after.source.lstrip('/')}",
        )
    )


def write(document: Document, path: Path) -> Path:
    """Replaces the file at once or not at all, keeping its mode; returns the backup that is left beside it.

    Raises `UnwritableFile` where the folder or file can't be written; the file is then as it was.
    """
    path = path.resolve()
    backup = _free(path)
    scratch = ""
    try:
        shutil.copy2(path, backup)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(document.content())
            file.flush()
            os.fsync(file.fileno())
        shutil.copystat(path, scratch)
        Path(scratch).replace(path)
    except OSError as error:
        for leftover in filter(None, (scratch, str(backup))):
            with contextlib.suppress(OSError):
                Path(leftover).unlink(missing_ok=True)
        raise UnwritableFile(
            f"{path} can't be written: {error.strerror or 'unknown error'}; it is as it was.",
            hint="Check the folder's permissions and free space.",
        ) from None
    return backup


def _free(path: Path) -> Path:
    """The first name of the form `values.yaml.bak`, `values.yaml.bak.1` that is not taken."""
    candidate = path.with_name(f"{path.name}.bak")
    number = 0
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}.bak.{number}")
    return candidate
