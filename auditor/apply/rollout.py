"""Whether the workloads of a release are ready, and waiting until they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply.progress import Tick
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
        now = workloads(tools, release)
        behind = {n: r for n, r in sorted(now.items()) if n in names and r.progress is not Progress.CURRENT}
        if not behind:
            return ""
        said = "; ".join(f"Deployment {name}: {state.reason}" for name, state in behind.items())
        if any(state.progress is Progress.FAILED for state in behind.values()) or tools.clock() >= deadline:
            return said
        tick({"note": f"waiting for {said}"})
        tools.pause(_POLL)


def _release_of(annotations: Mapping[str, str]) -> ReleaseRef:
    return ReleaseRef(
        annotations.get("meta.helm.sh/release-namespace", ""), annotations.get("meta.helm.sh/release-name", "")
    )
