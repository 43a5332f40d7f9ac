"""Images of content: the Launcher's runtime lists become entries of `executionEnvironments`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auditor.errors import UnreadableValues
from auditor.model.keypath import KeyPath, split_key
from auditor.values.document import Document
from auditor.values.migration.draft import Draft
from auditor.values.migration.rows import MappingRow

# Lists that came with the chart; a values file names them only.
_BUNDLED: Final = ("base", "pro")


def runtime_images(draft: Draft, row: MappingRow, path: KeyPath, value: Any) -> None:
    """The chart refuses the old key even where the Launcher is off, so it goes whatever becomes of it."""
    draft.drop(path)
    if not value:
        draft.note("dropped", path, "it is empty", row)
        return
    if value in _BUNDLED:
        message = f"the list of images came with the chart and is gone; declare what content needs in {row.to}"
        draft.note("dropped", path, message, row)
        return
    images, source = _images(value, path)
    if images is None:
        draft.note("decision", path, f"no list of images can be read in it; declare them in {row.to}", row)
        return
    if isinstance(value, Mapping):
        for key in value:
            if key != "images":
                draft.note("dropped", (*path, key), f"it has no counterpart in {row.to}", row)
    _move_images(draft, row, path, images, source)


def _move_images(draft: Draft, row: MappingRow, path: KeyPath, images: list[Any], source: KeyPath | None) -> None:
    target = split_key(row.to)
    placed = False
    for index, image in enumerate(images):
        here = path if source is None else (*source, index)
        if not (isinstance(image, Mapping) and isinstance(image.get("name"), str) and image["name"]):
            draft.note("decision", here, f"an image without a name can't stand in {row.to}", row)
            continue
        clash = draft.place_items(target, [(image, None if source is None else here)], path, "name")
        placed = placed or not clash
        if clash:
            draft.note("conflict", here, f"{row.to} describes an image of this name in another way", row, to=row.to)
    if placed:
        draft.note("moved", path, "", row, to=row.to)
    elif not images:
        draft.note("dropped", path, "it lists no image", row)


def _images(value: Any, path: KeyPath) -> tuple[list[Any] | None, KeyPath | None]:
    """The list and where it stands, None where it was text inside a string."""
    if isinstance(value, Mapping):
        images = value.get("images")
        return (images if isinstance(images, list) else None), (*path, "images")
    if isinstance(value, list):
        return value, path
    if not isinstance(value, str):
        return None, None
    for text in (value, f"images:\n{value}"):
        try:
            images = Document.parse(text).data.get("images")
        except UnreadableValues:
            continue
        if isinstance(images, list):
            return images, None
    return None, None
