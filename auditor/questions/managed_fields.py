"""Which fields of a live object another manager holds with another value than a manifest sets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from auditor.model.held import HeldField
from auditor.model.kubernetes import ObjectRef

HELM: Final = ("helm", "Apply")
"""Manager and operation of Helm 4's server-side apply (helm.sh/helm/v4/cmd/helm/helm.go)."""
_QUANTITY: Final = re.compile(r"([+-]?\d+(?:\.\d+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_SUFFIXES: Final = {"m": Decimal("0.001")} | {
    suffix: Decimal(base) ** power
    for base, suffixes in ((1000, ("k", "M", "G", "T", "P", "E")), (1024, ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))
    for power, suffix in enumerate(suffixes, start=1)
}
"""https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""
_QUANTITIES: Final = frozenset({"f:limits", "f:requests", "f:sizeLimit"})
_PLAIN: Final = frozenset(
    {
        *("image", "imagePullPolicy", "serviceAccountName", "serviceAccount", "type", "restartPolicy"),
        *("priorityClassName", "schedulerName", "storageClassName", "ingressClassName", "cpu", "memory", "storage"),
    }
)
"""Fields whose text holds no secret. Any other text may: an argument, a variable, a configuration."""


def held_fields(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[HeldField]:
    """`wanted`: the object as Helm sends it. Raises ValueError for managedFields of another shape."""
    metadata = live["metadata"]
    ref = ObjectRef(wanted["kind"], metadata.get("namespace", ""), metadata["name"])
    for entry in metadata.get("managedFields") or ():
        if (entry.get("manager"), entry.get("operation")) == HELM:
            continue
        for path, ours, theirs in _walk(entry.get("fieldsV1") or {}, wanted, live, ()):
            shown = may_be_shown(ref.kind, path, ours) and may_be_shown(ref.kind, path, theirs)
            yield HeldField(
                object=ref,
                api_version=wanted["apiVersion"],
                uid=metadata["uid"],
                path=path,
                manager=str(entry.get("manager") or ""),
                operation=str(entry.get("operation") or ""),
                subresource=str(entry.get("subresource") or ""),
                entry_version=str(entry.get("apiVersion") or ""),
                shown=shown,
                observed=theirs if shown else None,
                expected=ours if shown else None,
            )


def value_at(live: Any, path: tuple[str, ...]) -> Any:
    """None if it is not set."""
    for key in path:
        live = _below(live, key)
    return live


def _walk(
    owned: Mapping[str, Any], wanted: Any, live: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Path, value of the manifest, and live value. Null in a manifest is a value too: the API server names a conflict
    about `replicas: null`, seen with 1.34."""
    for key, below in owned.items():
        if not _sets(wanted, key):
            continue
        ours, theirs = _below(wanted, key), _below(live, key)
        if below.keys() - {"."}:
            yield from _walk(below, ours, theirs, (*path, key))
        elif key.startswith("f:") and differ(ours, theirs, quantity=bool(_QUANTITIES & {*path})):
            yield (*path, key), ours, theirs


def _sets(value: Any, key: str) -> bool:
    kind, _, rest = key.partition(":")
    return rest in value if kind == "f" and isinstance(value, Mapping) else _below(value, key) is not None


def _below(value: Any, key: str) -> Any:
    kind, _, rest = key.partition(":")
    if kind == "f":
        return value.get(rest) if isinstance(value, Mapping) else None
    if kind == "k" and isinstance(value, list):
        keys = json.loads(rest)
        # What a manifest leaves out is defaulted, such as a port's protocol.
        fit = (item for item in value if isinstance(item, Mapping) and _fits(item, keys))
        return next(fit, None)
    return None


def _fits(item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    given = keys.keys() & item.keys()
    return bool(given) and all(item[name] == keys[name] for name in given)


def differ(ours: Any, theirs: Any, *, quantity: bool) -> bool:
    """The API server adds defaults to what it was given, and leaves out what is empty."""
    if isinstance(ours, Mapping):
        inside = theirs if isinstance(theirs, Mapping) else {}
        return any(
            differ(value, inside.get(key), quantity=quantity) for key, value in ours.items() if value is not None
        )
    if isinstance(ours, list):
        found = theirs if isinstance(theirs, list) else []
        return len(ours) != len(found) or any(
            differ(one, other, quantity=quantity) for one, other in zip(ours, found, strict=True)
        )
    if ours in ("", None):
        return theirs not in (None, "", {}, [])
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return bool(ours is not theirs)
    if quantity:
        return _amount(ours) != _amount(theirs)
    return str(ours) != str(theirs)


def _amount(value: Any) -> Decimal | str:
    found = _QUANTITY.fullmatch(str(value))
    return Decimal(found[1]) * _SUFFIXES.get(found[2] or "", Decimal(1)) if found else str(value)


def may_be_shown(kind: str, path: tuple[str, ...], value: Any) -> bool:
    if kind == "Secret":
        return False
    if value is None or isinstance(value, bool | int | float):
        return True
    return isinstance(value, str) and path[-1].removeprefix("f:") in _PLAIN and path[0] == "f:spec"
