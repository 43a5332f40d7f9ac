"""Whether the workloads of a release are ready, and waiting until they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply.progress import Tick
from auditor.apply.silence import SILENT, silent
from auditor.apply.tools import Tools
from auditor.model.kubernetes import DEPLOYMENTS
from auditor.model.snapshot import ReleaseRef
from auditor.readiness import Progress, Readiness, readiness

_POLL = 2.0


def workloads(tools: Tools, release: ReleaseRef) -> Mapping[str, Readiness]:
    """By name."""
    return {each["metadata"]["name"]: readiness(each) for each in deployments(tools, release)}


def deployments(tools: Tools, release: ReleaseRef) -> list[dict[str, Any]]:
    """Helm marks all that it installs with the release's name; labels differ between chart versions."""
    found = tools.reader.list(DEPLOYMENTS, release.namespace)
    return [each for each in found if _release_of(each["metadata"].get("annotations") or {}) == release]


def wait(tools: Tools, release: ReleaseRef, names: frozenset[str], tick: Tick) -> str:
    """Until the named workloads are ready: "". Otherwise, when the time is up or one failed, why not."""
    deadline = tools.clock() + tools.rollout_seconds
    while True:
        try:
            said, hopeless = _behind(workloads(tools, release), names)
        except SILENT as error:
            said, hopeless = silent(error), False
        if not said or hopeless or tools.clock() >= deadline:
            return said
        tick({"note": f"waiting: {said}"})
        tools.pause(_POLL)


def _behind(now: Mapping[str, Readiness], names: frozenset[str]) -> tuple[str, bool]:
    """Why the named ones are not ready, or "", and whether Kubernetes has given one of them up."""
    behind = {name: state for name, state in sorted(now.items()) if name in names}
    behind = {name: state for name, state in behind.items() if state.progress is not Progress.CURRENT}
    said = "; ".join(f"Deployment {name}: {state.reason}" for name, state in behind.items())
    return said, any(state.progress is Progress.FAILED for state in behind.values())


def _release_of(annotations: Mapping[str, str]) -> ReleaseRef:
    return ReleaseRef(
        annotations.get("meta.helm.sh/release-namespace", ""), annotations.get("meta.helm.sh/release-name", "")
    )
