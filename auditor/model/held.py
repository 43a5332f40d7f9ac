"""Fields of a chart's objects that another field manager holds, by Kubernetes' record of server-side apply.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json

import msgspec

from auditor.model.kubernetes import ObjectRef


class HeldField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that another manager than Helm holds with another value than the chart's: the next `helm upgrade` by
    server-side apply ends with a conflict."""

    object: ObjectRef
    api_version: str
    """Of the object."""
    uid: str
    path: tuple[str, ...]
    """As in managedFields: ("f:spec", "f:replicas")."""
    manager: str
    operation: str
    """"Apply" or "Update"."""
    subresource: str = ""
    entry_version: str = ""
    """The API version that the manager's entry is written in."""
    shown: bool = False
    """Whether both values can be shown. If not, `observed` and `expected` are None."""
    observed: str | int | float | bool | None = None
    expected: str | int | float | bool | None = None
    """By the manifest of the release."""

    @property
    def field(self) -> str:
        """As the API server names it: `.spec.containers[name="rspm"].image`."""
        return field_name(self.path)

    @property
    def conflict(self) -> Conflicting:
        return Conflicting(self.object, self.field, self.manager)


class Conflicting(msgspec.Struct, frozen=True, order=True):
    """What the API server names of one conflict."""

    object: ObjectRef
    field: str
    manager: str


def field_name(path: tuple[str, ...]) -> str:
    """sigs.k8s.io/structured-merge-diff/v6/fieldpath/element.go"""
    return "".join(map(_element, path))


def _element(key: str) -> str:
    kind, _, rest = key.partition(":")
    match kind:
        case "f":
            return f".{rest}"
        case "k":
            keys = json.loads(rest)
            return f"[{','.join(f'{name}={json.dumps(keys[name])}' for name in sorted(keys))}]"
        case "v":
            return f"[={rest}]"
        case _:
            return f"[{rest}]"
