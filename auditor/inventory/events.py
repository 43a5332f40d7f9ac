"""What Kubernetes itself complains of about pods that aren't ready and claims that aren't bound. A healthy release
costs no request."""

from __future__ import annotations

from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.storage import claims
from auditor.inventory.workload import pods
from auditor.model.kubernetes import EVENTS, Access, ObjectRef
from auditor.model.seen import Withheld
from auditor.model.snapshot import Event, Facet


@reading(Facet.EVENTS, Access(EVENTS, ("list",)), needs=(pods, claims))
def events(look: Look) -> tuple[Event, ...]:
    """Warnings, the newest of each kind for each object."""
    about = [pod.ref for pod in pods(look) if not pod.ready and not pod.deleting]
    about += [claim.ref for claim in claims(look) if claim.exists and claim.phase != "Bound"]
    return tuple(event for ref in about for event in _of(look, ref))


def _of(look: Look, ref: ObjectRef) -> tuple[Event, ...]:
    fields = f"involvedObject.name={ref.name},involvedObject.kind={ref.kind},type=Warning"
    newest: dict[str, Json] = {}
    for body in sorted(look.ask.list(EVENTS, ref.namespace, fields=fields), key=_time):
        newest[body.get("reason", "")] = body
    return tuple(
        Event(object=ref, reason=reason, message=Withheld(_message(body)), count=_count(body))
        for reason, body in newest.items()
    )


def _time(body: Json) -> str:
    """An old event counts in lastTimestamp, a new one in its series."""
    series = body.get("series") or {}
    return str(series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime") or "")


def _count(body: Json) -> int:
    return int((body.get("series") or {}).get("count") or body.get("count") or 1)


def _message(body: Json) -> str:
    return " ".join(str(body.get("message", "")).split())
