"""Values that hold a template, and values in which the objects of a chart could hide. Pure.

The charts hand some values to `tpl`, so that a template in a stored value runs with the permissions of who upgrades the
release: `lookup` reads every Secret that this identity can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor.catalog import Chart
from auditor.model.keypath import MISSING, KeyPath, join_key, look_up, split_key

EXTRA_OBJECTS: Final = "extraObjects"
"""The key below which both charts render what stands there (templates/extra-objects.yaml)."""
_TEMPLATE: Final = "{{"
_BREAKS: Final = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def templates(values: Mapping[str, Any], chart: Chart, allowed: Sequence[str] = ()) -> tuple[str, ...]:
    """The keys at or below which a template stands, as far as the chart knows them; "" for one that it does not know.
    Templates that are defaults of the chart are left out, and those at or below a key of `allowed`."""
    permitted = [split_key(key) for key in allowed]
    found = (
        path
        for path, text in _texts(values, ())
        if _TEMPLATE in text
        and not _is_default(path, text, chart)
        and not any(_is_below(path, key) for key in permitted)
    )
    defaults = chart.values_at(chart.newest)
    return tuple(dict.fromkeys(_known_part(path, defaults) for path in found))


def chart_only(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the objects that are not the chart's own."""
    return {key: value for key, value in values.items() if key != EXTRA_OBJECTS}


def on_one_line(value: Any) -> Any:
    """The same without line breaks in any text or key: in a template that does not quote a value, a line break ends
    what the template meant, and what follows is another field or another object."""
    if isinstance(value, Mapping):
        return {_one_line(str(key)): on_one_line(below) for key, below in value.items()}
    if isinstance(value, list):
        return [on_one_line(item) for item in value]
    return _one_line(value) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    return " ".join(text.split()) if any(mark in text for mark in _BREAKS) else text


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every text, keys of maps too."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield (*path, key), str(key)
            yield from _texts(below, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
    elif isinstance(value, str):
        yield path, value


def _is_default(path: KeyPath, text: str, chart: Chart) -> bool:
    history = chart.ever_known(join_key(path))
    return history is not None and any(step.default == text for step in history.steps)


def _is_below(path: KeyPath, key: tuple[str, ...]) -> bool:
    return bool(key) and tuple(map(str, path[: len(key)])) == key


def _known_part(path: KeyPath, defaults: Mapping[str, Any]) -> str:
    """What is below a key of the chart was named by the user, and may be anything."""
    known: KeyPath = ()
    for end in range(1, len(path) + 1):
        if look_up(defaults, path[:end]) is MISSING:
            break
        known = path[:end]
    return join_key(known)
