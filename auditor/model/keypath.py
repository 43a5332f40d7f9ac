r"""How a place in a values document is named.

In code a place is a tuple of keys and list indexes; in text its parts are joined by dots, and a dot that belongs
to a key is written ``\.`` as for ``helm --set``: ``sharedStorage.annotations.helm\.sh/resource-policy``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

KeyPath = tuple[str | int, ...]

_DOT: Final = re.compile(r"(?<!\\)\.")


class Missing:
    """The answer for a place that isn't there, unlike a place that holds null."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@lru_cache(maxsize=4096)
def split_key(text: str) -> tuple[str, ...]:
    r"""``a.b\.c`` as ``("a", "b.c")``."""
    return tuple(part.replace("\\.", ".") for part in _DOT.split(text)) if text else ()


def join_key(path: Iterable[str | int]) -> str:
    """The inverse of `split_key`; a list index is written ``[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + part.replace(".", "\\.")
    return text


def look_up(values: object, path: Iterable[str | int]) -> object:
    """What `values` holds at `path`, or `MISSING`. Never raises, whatever the values are."""
    for part in path:
        if isinstance(values, Mapping):
            if part not in values:
                return MISSING
            values = values[part]
        elif isinstance(values, list | tuple) and isinstance(part, int) and 0 <= part < len(values):
            values = values[part]
        else:
            return MISSING
    return values


def leaves(values: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Every leaf below `values` with its place. Empty maps and lists are leaves; so is a filled list."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, values


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A tree from dotted keys. A longer key wins over an empty map at its beginning."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, last = split_key(key)
        branch = tree
        for parent in parents:
            below = branch.get(parent)
            if not isinstance(below, dict):
                below = branch[parent] = {}
            branch = below
        branch.setdefault(last, value) if value == {} else branch.__setitem__(last, value)
    return tree
