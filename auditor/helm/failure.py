"""What Helm says of a failure, as an error without any value of a release in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from auditor.errors import HelmBusy, HelmError
from auditor.names.told import told

_RENDERING = (
    *("execution error at", "error calling", "template: ", "parse error at", "YAML parse error on", "can't evaluate"),
    *("values don't meet the specifications of the schema", "error converting YAML to JSON", "error unmarshaling JSON"),
)
"""Helm's words for an error of rendering (helm.sh/helm/v4/pkg/engine/engine.go)."""
_PLACE = re.compile(
    r"\b([a-z][a-z0-9-]{0,60}/(?:charts/[a-z0-9-]{1,60}/)?templates/[A-Za-z0-9_.-]{1,80})(?::(\d{1,6}))?"
)
_GAVE_WAY = ("another operation (install/upgrade/rollback) is in progress", "release: already exists")
"""Helm's words where another Helm is at work on the release; both before it changes anything, the second where the
other one made its revision first (helm.sh/helm/v4/pkg/action/action.go and pkg/storage/driver/driver.go)."""


def failure(arguments: Sequence[str], stderr: str, secrets: Sequence[Any]) -> HelmError:
    """`arguments`: verb and object first. `secrets`: values of which none may be told."""
    said = _reason(stderr)
    reason = (_rendering(stderr) or told(said, secrets)).removesuffix(".")
    message = f"helm {' '.join(arguments[:2])} failed: {reason}."
    if said.removesuffix(".").endswith(_GAVE_WAY):
        return HelmBusy(message, hint="Nothing was changed: let the other Helm end, then plan again.")
    return HelmError(message)


def _rendering(stderr: str) -> str:
    """Where it stopped to render, and nothing of what was rendered: a template can put anything into its error."""
    said = stderr[stderr.rfind("Error: ") :]
    if not any(words in said for words in _RENDERING):
        return ""
    places = [f"{found[1]}, line {found[2]}" if found[2] else found[1] for found in _PLACE.finditer(said)]
    return f"the chart fails to render ({places[-1]})" if places else "the chart fails to render"


def _reason(stderr: str) -> str:
    """Helm's last word, from "Error:" on; warnings before it quote values."""
    said = stderr[stderr.rfind("Error: ") :].removeprefix("Error: ") if "Error: " in stderr else "it gave no reason"
    return " ".join(said.split())
