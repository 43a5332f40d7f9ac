"""Kubernetes' own warnings as evidence: they sharpen a verdict, and none depends on them."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.model.finding import Evidence
from auditor.model.kubernetes import ObjectRef
from auditor.model.seen import Unseen
from auditor.model.snapshot import Event, ReleaseState
from auditor.names.events import event as printed
from auditor.names.shown import name

GROUP_WALK = "VolumePermissionChangeInProgress"
"""The kubelet goes through the whole volume to set fsGroup (kubernetes/kubernetes, pkg/volume/volume_linux.go)."""


def warnings(release: ReleaseState, *about: ObjectRef, reason: str = "", containing: str = "") -> tuple[Event, ...]:
    """About these objects, or about any; none where events could not be seen."""
    events = () if isinstance(release.events, Unseen) else release.events
    return tuple(
        event
        for event in events
        if (not about or event.object in about)
        and reason in ("", event.reason)
        and containing in event.message.reveal()
    )


def as_evidence(event: Event) -> Evidence:
    """With the command that shows the message, which is not repeated."""
    where = f"-n {event.object.namespace} --field-selector involvedObject.name={name(event.object.name)}"
    return Evidence(
        object=event.object,
        field="events",
        observed=f"{_printed(event)}; its message is withheld, to read it: kubectl get events {where}",
    )


def walking(events: Iterable[Event]) -> str:
    """A sentence where the kubelet goes through a volume."""
    walk = next((event for event in events if event.reason == GROUP_WALK), None)
    return f" The kubelet changes groups on a volume right now ({_printed(walk)})." if walk else ""


def _printed(event: Event) -> str:
    return printed(event.reason, event.message.reveal(), event.count)
