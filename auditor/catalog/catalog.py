"""What is known, with the questions that others ask of it. Pure; built by `auditor.catalog.load`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from auditor.catalog.storage import matches
from auditor.catalog.versions import order, within
from auditor.model.catalog import (
    Archive,
    Change,
    FailCondition,
    Hazard,
    Hook,
    KeyHistory,
    Lookup,
    Release,
    Shape,
    StorageRow,
    Surface,
)
from auditor.model.keypath import nested
from auditor.model.product import Product


class Chart:
    """The history of one chart. A version that the catalog doesn't hold is judged by its nearest older one."""

    def __init__(
        self,
        name: Product,
        *,
        releases: Iterable[Release],
        defaults: Iterable[KeyHistory],
        archives: Iterable[Archive] = (),
        changes: Iterable[Change] = (),
        fails: Iterable[FailCondition] = (),
        hazards: Iterable[Hazard] = (),
        shapes: Iterable[Shape] = (),
        surfaces: Iterable[Surface] = (),
        hooks: Iterable[Hook] = (),
        lookups: Iterable[Lookup] = (),
    ) -> None:
        self.name = name
        self.releases = tuple(sorted(releases, key=lambda row: order(row.version)))
        self.defaults = tuple(defaults)
        self.archives = frozenset(archives)
        self.changes = tuple(sorted(changes, key=lambda row: order(row.version)))
        self.fails = tuple(fails)
        self.hazards = tuple(hazards)
        self.shapes = tuple(shapes)
        self.surfaces = tuple(surfaces)
        self.hooks = tuple(hooks)
        self.lookups = tuple(lookups)
        self._defaults_at = lru_cache(maxsize=64)(self._compute_defaults)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every dotted key that a row is about."""
        several = [
            *(row.keys for row in self.changes),
            *(row.keys for row in self.hazards),
            *(row.keys for row in self.shapes),
        ]
        single = [
            *(row.key for row in self.defaults),
            *(row.key for row in self.fails),
            *(row.key for row in self.surfaces),
        ]
        return frozenset((*(key for keys in several for key in keys), *single))

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Every released version, oldest first."""
        return tuple(release.version for release in self.releases)

    @property
    def oldest(self) -> str:
        return self.versions[0]

    @property
    def newest(self) -> str:
        return self.versions[-1]

    def release(self, version: str) -> Release | None:
        return self._by_version.get(version)

    def vouches_for(self, version: str, sha256: str) -> bool:
        """Whether a chart of this digest is known to be this version."""
        return Archive(version=version, sha256=sha256) in self.archives

    def app_version(self, version: str) -> str | None:
        """The product version that `version` runs where nothing overrides it; None for an unknown chart version."""
        release = self.release(version)
        return release.app_version if release else None

    def changes_between(self, from_version: str, to_version: str) -> tuple[Change, ...]:
        """Every change that an upgrade crosses, oldest first, without those that are undone again on the way."""
        start, end = order(from_version), order(to_version)
        return tuple(
            change
            for change in self.changes
            if start < order(change.version) <= end and (change.until is None or end < order(change.until))
        )

    def defaults_at(self, version: str) -> Mapping[str, Any]:
        """Each leaf key of the chart's values with its default. ``{}``: anything may stand below."""
        return self._defaults_at(version)

    def values_at(self, version: str) -> dict[str, Any]:
        """The chart's values.yaml at `version` as a tree; a fresh copy."""
        return nested(self.defaults_at(version))

    def ever_known(self, key: str) -> KeyHistory | None:
        """The history of a leaf key, also of one that is gone."""
        return self._histories.get(key)

    def gone_since(self, key: str, version: str) -> str | None:
        """The version up to `version` in which the last leaf at or below `key` left the chart; None where one stays."""
        left = [
            [step for step in row.steps if order(step.since) <= order(version)]
            for row in self.defaults
            if row.key == key or row.key.startswith(f"{key}.")
        ]
        known = [steps[-1] for steps in left if steps]
        if not known or any(not step.absent for step in known):
            return None
        return max((step.since for step in known), key=order)

    def fails_at(self, version: str) -> tuple[FailCondition, ...]:
        return tuple(row for row in self.fails if within(version, row.since, row.until))

    def hazards_at(self, version: str) -> tuple[Hazard, ...]:
        return tuple(row for row in self.hazards if within(version, row.since, row.until))

    def shapes_at(self, version: str) -> tuple[Shape, ...]:
        return tuple(row for row in self.shapes if within(version, row.since, row.until))

    def surfaces_at(self, version: str) -> tuple[Surface, ...]:
        return tuple(row for row in self.surfaces if within(version, row.since, row.until))

    def lookups_at(self, version: str) -> tuple[Lookup, ...]:
        return tuple(row for row in self.lookups if within(version, row.since, row.until))

    def has_hook(self, path: str) -> bool:
        """`path`: of a template, as Helm names it."""
        return any(path == f"{self.name}/{row.template}" for row in self.hooks)

    @cached_property
    def _by_version(self) -> dict[str, Release]:
        return {release.version: release for release in self.releases}

    @cached_property
    def _histories(self) -> dict[str, KeyHistory]:
        return {history.key: history for history in self.defaults}

    def _compute_defaults(self, version: str) -> Mapping[str, Any]:
        at = max(order(version), order(self.oldest))
        found: dict[str, Any] = {}
        for history in self.defaults:
            past = [step for step in history.steps if order(step.since) <= at]
            if past and not past[-1].absent:
                found[history.key] = past[-1].default
        return MappingProxyType(found)


class Catalog:
    def __init__(self, charts: Iterable[Chart], storage: Iterable[StorageRow], *, added: str = "") -> None:
        self._charts: dict[str, Chart] = {chart.name: chart for chart in charts}
        self.storage_rows = tuple(storage)
        self.added = added
        """A digest of the rows that users added; "" for the product's own catalog."""

    @property
    def charts(self) -> tuple[Chart, ...]:
        return tuple(self._charts.values())

    def chart(self, name: str) -> Chart:
        """The chart called `name` (`rstudio-connect` or `rstudio-pm`); KeyError for another one."""
        return self._charts[name]

    def vouches_for(self, chart: str, version: str, sha256: str) -> bool:
        return chart in self._charts and self._charts[chart].vouches_for(version, sha256)

    def storage(self, volume: Mapping[str, Any]) -> StorageRow | None:
        """How a PersistentVolume, as the API returns it, treats a change of ownership; None: unknown driver."""
        return next((row for row in self.storage_rows if matches(row, volume)), None)
