"""Keys that no template reads: gone, misspelled, or meant for another place. Pure."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditor.catalog import Chart
from auditor.catalog.situation import Situation
from auditor.model.keypath import KeyPath, join_key, leaves, split_key
from auditor.model.values import ValueFinding

_CLOSE: Final = 0.78
_FAR: Final = 0.86
_ALIKE: Final = 0.7
_COMMON: Final = 2


def unknown_keys(
    chart: Chart, now: Situation, defaults: Mapping[str, Any], *, told: set[str]
) -> Iterator[ValueFinding]:
    """One finding for each topmost key that the chart does not know, save those that `told` speaks of already."""
    known = _Known(chart, now.to_version, defaults)
    spoken = {
        tuple(parts[:length]) for key in told for parts in [split_key(key)] for length in range(1, len(parts) + 1)
    }
    for path in known.unknown_in(now.user):
        key = join_key(path)
        if path not in spoken:
            yield _finding(key, path, chart, now.to_version, known)


def _finding(key: str, path: KeyPath, chart: Chart, version: str, known: _Known) -> ValueFinding:
    gone = chart.gone_since(key, version)
    nearest = known.nearest(path)
    remedy = f"did you mean {nearest}?" if nearest and not gone else "delete it"
    return ValueFinding(
        id="unknown-key",
        effect="ignored",
        key=key,
        message="the chart does not read this key" + (f" since {gone}" if gone else ""),
        remedy=remedy,
        remedy_kind="removed" if gone else "needs-decision",
        to_key=nearest,
        source=f"https://github.com/rstudio/helm/blob/main/charts/{chart.name}/values.yaml",
        path=path,
    )


def _alike(path: KeyPath, other: KeyPath) -> bool:
    """Whether what two places don't share above them is alike too: in a long path it counts for little."""
    shared = next((i for i, (one, two) in enumerate(zip(path, other, strict=False)) if one != two), len(other))
    one, two = join_key(path[shared:]).lower(), join_key(other[shared:]).lower()
    return difflib.SequenceMatcher(None, one, two).ratio() >= _ALIKE


class _Known:
    """The keys that a chart version reads, as a tree with open ends."""

    def __init__(self, chart: Chart, version: str, defaults: Mapping[str, Any]) -> None:
        surfaces = chart.surfaces_at(version)
        self._open = {split_key(row.key) for row in surfaces if row.is_ == "open"}
        read = {split_key(row.key) for row in surfaces if row.is_ == "read"}
        leaf_paths = {tuple(str(part) for part in path) for path, _ in leaves(defaults)}
        self._leaves = leaf_paths | read
        self._inner = {path[:length] for path in self._leaves | self._open for length in range(len(path))}
        self._suggested = sorted(leaf_paths | {path for path in self._inner if path})
        self._by_name: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for path in self._suggested:
            self._by_name[path[-1].lower()].append(path)

    def unknown_in(self, values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[KeyPath]:
        for key, value in values.items():
            here = (*path, key)
            if here in self._leaves or self._is_open(here):
                continue
            if here not in self._inner:
                if not self._is_open(path):
                    yield here
            elif isinstance(value, Mapping):
                yield from self.unknown_in(value, here)

    def nearest(self, path: KeyPath) -> str | None:
        """The known key that was probably meant: a neighbour of much the same spelling, else one elsewhere."""
        *parent, name = (str(part) for part in path)
        neighbours = {p[-1].lower(): p for p in self._suggested if p[:-1] == tuple(parent)}
        close = difflib.get_close_matches(name.lower(), neighbours, n=1, cutoff=_CLOSE)
        if close:
            return join_key(neighbours[close[0]])
        namesakes = self._by_name.get(name.lower(), [])
        if 0 < len(namesakes) <= _COMMON:
            namesakes.sort(key=len)
            return join_key(namesakes[0])
        dotted = {join_key(p).lower(): p for p in self._suggested}
        far = difflib.get_close_matches(join_key(path).lower(), dotted, n=1, cutoff=_FAR)
        return join_key(dotted[far[0]]) if far and _alike(path, dotted[far[0]]) else None

    def _is_open(self, path: tuple[str, ...]) -> bool:
        alike = (wild for wild in self._open if len(wild) == len(path))
        return any(all(w in ("*", p) for w, p in zip(wild, path, strict=True)) for wild in alike)
