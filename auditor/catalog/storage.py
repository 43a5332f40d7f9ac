"""Which storage row a PersistentVolume belongs to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from auditor.model.catalog import StorageRow
from auditor.model.keypath import look_up


def matches(row: StorageRow, volume: Mapping[str, Any]) -> bool:
    """Whether every field that `row` gives fits `volume`, a PersistentVolume as the API returns it."""
    spec = _map(look_up(volume, ("spec",)))
    csi = _map(spec.get("csi"))
    driver = str(csi.get("driver") or "")
    return (
        _driver_fits(row, driver, spec)
        and (row.handle is None or bool(re.fullmatch(row.handle, str(csi.get("volumeHandle") or ""))))
        and _attributes_fit(row, _map(csi.get("volumeAttributes")))
        and (not row.read_only or csi.get("readOnly") is True)
        and (not row.access_modes or _all_in(spec.get("accessModes"), row.access_modes))
        and (not row.mount_options or any(option in _mount_options(spec) for option in row.mount_options))
        and (not row.provisioned_by or _provisioner(volume) in row.provisioned_by)
    )


def _driver_fits(row: StorageRow, driver: str, spec: Mapping[str, Any]) -> bool:
    if not (row.drivers or row.driver_suffixes or row.in_tree):
        return True
    return (
        driver in row.drivers
        or any(driver.endswith(suffix) for suffix in row.driver_suffixes)
        or any(isinstance(spec.get(source), Mapping) for source in row.in_tree)
    )


def _attributes_fit(row: StorageRow, attributes: Mapping[str, Any]) -> bool:
    """Drivers copy StorageClass parameters, whose names differ in case only, into the attributes."""
    given = {str(key).lower(): str(value) for key, value in attributes.items()}
    return all(re.fullmatch(pattern, given.get(key.lower(), "")) for key, pattern in row.attributes.items())


def _mount_options(spec: Mapping[str, Any]) -> set[str]:
    options = spec.get("mountOptions")
    given = options if isinstance(options, list) else []
    return {part for option in given for part in str(option).split(",")}


def _all_in(modes: object, allowed: tuple[str, ...]) -> bool:
    return isinstance(modes, list) and bool(modes) and all(mode in allowed for mode in modes)


def _provisioner(volume: Mapping[str, Any]) -> str:
    found = look_up(volume, ("metadata", "annotations", "pv.kubernetes.io/provisioned-by"))
    return found if isinstance(found, str) else ""


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
