"""What Helm says of a failure, as an error without any value of a release in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.errors import HelmBusy, HelmError
from auditor.names.told import told

_GAVE_WAY = ("another operation (install/upgrade/rollback) is in progress", "release: already exists")
"""Helm's words where another Helm is at work on the release; both before it changes anything, the second where the
other one made its revision first (helm.sh/helm/v4/pkg/action/action.go and pkg/storage/driver/driver.go)."""


def failure(arguments: Sequence[str], stderr: str, secrets: Sequence[Any]) -> HelmError:
    """`arguments`: verb and object first. `secrets`: values of which none may be told."""
    said = _reason(stderr)
    reason = told(said, secrets).removesuffix(".")
    message = f"helm {' '.join(arguments[:2])} failed: {reason}."
    if said.removesuffix(".").endswith(_GAVE_WAY):
        return HelmBusy(message, hint="Nothing was changed: let the other Helm end, then plan again.")
    return HelmError(message)


def _reason(stderr: str) -> str:
    """Helm's last word, from "Error:" on; warnings before it quote values."""
    said = stderr[stderr.rfind("Error: ") :].removeprefix("Error: ") if "Error: " in stderr else "it gave no reason"
    return " ".join(said.split())
