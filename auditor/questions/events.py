"""Kubernetes' own warnings as evidence: they sharpen a verdict, and none depends on them."""

from __future__ import annotations

from auditor.model.finding import Evidence
from auditor.model.kubernetes import ObjectRef
from auditor.model.seen import Unseen
from auditor.model.snapshot import Event, ReleaseState

GROUP_WALK = "VolumePermissionChangeInProgress"
"""The kubelet goes through the whole volume to set fsGroup (kubernetes/kubernetes, pkg/volume/volume_linux.go)."""


def warnings(release: ReleaseState, *about: ObjectRef, reason: str = "", containing: str = "") -> tuple[Event, ...]:
    """About these objects, or about any; none where events could not be seen."""
    events = () if isinstance(release.events, Unseen) else release.events
    return tuple(
        event
        for event in events
        if (not about or event.object in about) and reason in ("", event.reason) and containing in event.message
    )


def as_evidence(event: Event) -> Evidence:
    times = f" ({event.count} times)" if event.count > 1 else ""
    return Evidence(object=event.object, field="events", observed=f"{event.reason}: {event.message}{times}")
