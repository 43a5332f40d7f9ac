"""Follows a Job of ours to its end through the logs of its pods, one for each part of the work. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.apply import guards
from auditor.apply.interruption import Interruptions, is_cut_off, out_of_memory
from auditor.apply.ownership_job import CONTAINER, LOOK
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, ApiError, NotFound
from auditor.model.kubernetes import EVENTS, JOBS, PODS
from auditor.model.ownership import entries
from auditor.questions.admission import refused_as_root, refused_look
from auditor.readiness import Progress, readiness

_POLL = 1.0
_TAIL = 50
_INDEX = "batch.kubernetes.io/job-completion-index"
_COUNTS = ("seen", "wrong", "changed", "earlier", "failed", "per_second")


class NeverStarted(ActionFailed):
    """No pod of it began, so that nothing was done."""


@dataclass
class _Part:
    """What the logs of one part's pods have told so far; the newest pod's is read."""

    pod: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    records: dict[str, None] = field(default_factory=dict)
    """Of all its pods: one that went on may have begun another record."""

    def so_far(self) -> Mapping[str, Any]:
        return {**self.summary, "per_second": 0} if self.summary else self.progress

    def read(self, pod: Mapping[str, Any], tools: Tools) -> None:
        metadata = pod["metadata"]
        try:
            log = tools.reader.log(metadata["namespace"], metadata["name"], CONTAINER, tail_lines=_TAIL, attempts=1)
            lines = list(log)
        except ApiError:
            # The log of a pod that is just starting or just gone can't be read; the Job's status decides.
            self.progress = {**self.progress, **({"per_second": 0} if self.progress else {})}
            return
        self.pod = metadata["name"]
        self.summary, self.error = {}, ""
        for event in map(_event, lines):
            match event.get("event"):
                case "progress":
                    self.progress = event
                case "summary":
                    self.records.update(dict.fromkeys(event.get("records") or ()))
                    self.summary = {**event, **({"records": [*self.records]} if "records" in event else {})}
                case "error":
                    self.error = str(event.get("message", ""))
                case _:
                    pass


def follow(made: Mapping[str, Any], tools: Tools, tick: Tick) -> Mapping[str, Any]:
    """The worker's summary, of all parts together; empty where no log could be read. Raises ActionFailed where it
    failed or was deleted, NeverStarted where no pod began in time or none is admitted."""
    namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
    looks = (made["metadata"].get("labels") or {}).get("app.kubernetes.io/component") == LOOK
    start_by = tools.clock() + tools.start_seconds
    parts: dict[str, _Part] = {}
    started, interruptions = False, Interruptions()
    while True:
        try:
            now = tools.reader.get(JOBS, namespace, name)
        except NotFound:
            message = f"Job {namespace}/{name} was deleted by somebody while it ran."
            raise ActionFailed(message, details=_records(parts.values())) from None
        state = readiness(now)
        pods = _newest_pods(namespace, name, tools)
        started = _read(pods, parts, tools) or started
        if state.progress is Progress.CURRENT:
            return _together([part.summary for part in parts.values()])
        if state.progress is Progress.FAILED:
            why = _why_failed(parts.values(), _reason(state.reason, pods.values()))
            raise ActionFailed(why, hint=_see_log(namespace, name), details=_records(parts.values()))
        for news in interruptions.news(pods):
            tick({"news": news})
        if now["spec"].get("suspend"):
            tick({"note": f"Job {namespace}/{name} is suspended; it goes on once its spec.suspend is false"})
        elif not started:
            _wait_for_start(pods, namespace, name, tools, tick, late=tools.clock() >= start_by, looks=looks)
        elif stuck := _stuck(pods.values()):
            tick({"note": _waiting(stuck, namespace, name, tools)[0]})
        elif any(part.progress and not part.summary for part in parts.values()):
            tick(_together([part.so_far() for part in parts.values()]))
        tools.pause(_POLL)


def told(made: Mapping[str, Any], tools: Tools) -> Mapping[str, Any]:
    """What the pods of a Job have summed up by now, all parts together; empty where nothing can be read."""
    parts: dict[str, _Part] = {}
    _read(_newest_pods(made["metadata"]["namespace"], made["metadata"]["name"], tools), parts, tools)
    return _together([part.summary for part in parts.values()])


def _read(pods: Mapping[str, Mapping[str, Any]], parts: dict[str, _Part], tools: Tools) -> bool:
    """Whether one of them has begun."""
    begun = {index: pod for index, pod in pods.items() if not _waits(pod)}
    for index, pod in begun.items():
        if not is_cut_off(pod):
            parts.setdefault(index, _Part()).read(pod, tools)
    return bool(begun)


def _stuck(pods: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """One that has not done its work, where none is at work."""
    left = [pod for pod in pods if (pod.get("status") or {}).get("phase") != "Succeeded"]
    works = [pod for pod in left if (pod.get("status") or {}).get("phase") == "Running" and not is_cut_off(pod)]
    return left[0] if left and not works else None


def _waits(pod: Mapping[str, Any]) -> bool:
    return bool((pod.get("status") or {}).get("phase", "Pending") == "Pending")


def _records(parts: Iterable[_Part]) -> dict[str, Any]:
    """For the journal: undo believes the records on the volume by their digests."""
    return {"records": [record for part in parts for record in part.records]}


def _wait_for_start(
    pods: Mapping[str, Mapping[str, Any]],
    namespace: str,
    name: str,
    tools: Tools,
    tick: Tick,
    *,
    late: bool,
    looks: bool,
) -> None:
    pod = next(iter(pods.values()), None)
    waiting, event = _waiting(pod, namespace, name, tools)
    if pod is None and event and guards.is_about_root(event[1]):
        refused = refused_look if looks else refused_as_root
        raise NeverStarted(refused(namespace, event[1]))
    tick({"note": waiting})
    if late:
        raise NeverStarted(
            f"The pod of Job {namespace}/{name} did not start within {tools.start_seconds} seconds: {waiting}."
        )


def _waiting(
    pod: Mapping[str, Any] | None, namespace: str, name: str, tools: Tools
) -> tuple[str, tuple[str, str] | None]:
    """For what, in words, and the newest warning about it."""
    event = _last_event(namespace, pod["metadata"]["name"] if pod else name, tools)
    said = f" ({event[0]}: {event[1]})" if event else ""
    what = f"pod {pod['metadata']['name']}: {readiness(pod).reason}" if pod else "waiting for its pod"
    return f"{what}{said}", event


def _newest_pods(namespace: str, name: str, tools: Tools) -> dict[str, dict[str, Any]]:
    """By the index of their part."""
    newest: dict[str, dict[str, Any]] = {}
    pods = tools.reader.list(PODS, namespace, label_selector=f"batch.kubernetes.io/job-name={name}")
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", ""))):
        newest[(pod["metadata"].get("annotations") or {}).get(_INDEX, "0")] = pod
    return newest


def _together(told: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Counts are added up; each part counts its own entries only."""
    told = [one for one in told if one]
    if not told[1:]:
        return told[0] if told else {}
    return {
        **told[-1],
        **{name: sum(one.get(name) or 0 for one in told) for name in _COUNTS},
        "seconds": max(one.get("seconds") or 0 for one in told),
        **{name: [entry for one in told for entry in one.get(name) or ()] for name in ("moved_aside", "records")},
    }


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _why_failed(parts: Iterable[_Part], reason: str) -> str:
    told = [part for part in parts if part.pod]
    speaking = [part for part in told if part.summary.get("message") or part.error]
    part = next(iter([*speaking, *told]), _Part())
    said = str(part.summary.get("message") or part.error)
    counts = _together([each.summary for each in told])
    changed, failed = counts.get("changed"), counts.get("failed")
    numbers = f" It changed {entries(changed)} and could not change {failed:,}." if changed and failed else ""
    where = f" (pod {part.pod})" if part.pod else ""
    return f"The ownership Job failed{where}: {said or reason}{numbers}"


def _reason(reason: str, pods: Iterable[Mapping[str, Any]]) -> str:
    short = next(filter(out_of_memory, pods), None)
    return f"{reason}. Pod {short['metadata']['name']} was killed for want of memory." if short else reason


def _last_event(namespace: str, name: str, tools: Tools) -> tuple[str, str] | None:
    """Reason and message of the newest warning about it."""
    try:
        events = list(tools.reader.list(EVENTS, namespace, field_selector=f"involvedObject.name={name},type=Warning"))
    except ApiError:
        return None
    if not events:
        return None
    last = max(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return str(last.get("reason")), " ".join(str(last.get("message", "")).split())[:300]


def _see_log(namespace: str, name: str) -> str:
    return f"Its log: kubectl logs -n {namespace} job/{name}"
