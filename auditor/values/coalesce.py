"""What a chart's templates see: the user's values over the chart's defaults, by Helm's rules. Pure.

Maps are merged, everything else is replaced. A null takes a key with a default away; below the top level, a null for
a key that has no default stays. A scalar given for a map stays too: Helm only warns about it.
Source: coalesceValues and coalesceTablesFullKey in https://github.com/helm/helm/blob/v3.21.4/pkg/chartutil/coalesce.go
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any


def coalesce(user: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`user` over `defaults`; neither is changed, and the result may share what lies below with them."""
    seen: dict[str, Any] = {}
    for key, default in defaults.items():
        if key not in user:
            seen[key] = default
        elif user[key] is not None:
            seen[key] = _over(user[key], default)
    seen.update((key, value) for key, value in user.items() if key not in defaults)
    return seen


def merge(files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Several values files as Helm merges them: maps key by key, all else replaced; nulls stay."""
    merged: dict[str, Any] = {}
    for values in files:
        merged = _merged(merged, values)
    return merged


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = _merged(below, value)
        else:
            result[key] = value
    return result


def _over(given: Any, default: Any) -> Any:
    if isinstance(given, Mapping) and isinstance(default, Mapping):
        return _tables(given, default)
    return given


def _tables(user: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    seen = {key: copy.copy(value) for key, value in defaults.items() if key not in user}
    for key, given in user.items():
        default = defaults.get(key)
        if given is None and default is not None:
            continue
        seen[key] = _over(given, default)
    return seen
