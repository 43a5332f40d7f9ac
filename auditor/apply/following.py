"""Follows a Job of ours to its end through the logs of its pods, one for each part of the work. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from auditor.apply import admission, program
from auditor.apply.interruption import Interruptions, is_cut_off, out_of_memory
from auditor.apply.ownership_job import LOOK
from auditor.apply.parts import (
    Part,
    began_with,
    bits_lost,
    ended_well,
    newest_pods,
    read,
    records,
    refused,
    together,
    why_failed,
)
from auditor.apply.progress import Tick
from auditor.apply.silence import SILENT, silent
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, ApiError, ClusterError, NotFound
from auditor.model.kubernetes import EVENTS, JOBS
from auditor.names import events
from auditor.names.told import told
from auditor.questions.admission import refused_as_root, refused_look
from auditor.readiness import Progress, readiness

_POLL = 1.0
_SILENCE = 600.0
"""Seconds without an answer of the API server, after which nobody waits for one any more."""


class NeverStarted(ActionFailed):
    """No pod of it began, so that nothing was done."""


def follow(made: Mapping[str, Any], tools: Tools, tick: Tick) -> Mapping[str, Any]:
    """The worker's summary, of all parts together; empty where no log could be read. Raises ActionFailed where it
    failed, was deleted or can't be watched any more, NeverStarted where no pod began in time or none is admitted."""
    namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
    looks = (made["metadata"].get("labels") or {}).get("app.kubernetes.io/component") == LOOK
    parts: dict[str, Part] = {}
    try:
        return _to_its_end(made, parts, tools, tick, looks=looks)
    except NotFound:
        # Another run of ours that watched it deletes it at its end, and Kubernetes a day later.
        if ended_well(parts.values(), (made.get("spec") or {}).get("completions") or 1):
            return together([part.summary for part in parts.values()])
        message = f"Job {namespace}/{name} was deleted by somebody while it ran."
        hint = "Run the same again: it goes on where the Job was."
        raise ActionFailed(message, hint=hint, details=records(parts.values())) from None
    except (ApiError, ClusterError) as error:
        goes_on = "" if looks else " It goes on by itself; to stay with it: posit-audit fix --watch."
        message = f"Job {namespace}/{name} can't be watched any more: {error.message}{goes_on}"
        raise ActionFailed(message, hint=error.hint, details=records(parts.values())) from None


def _to_its_end(
    made: Mapping[str, Any], parts: dict[str, Part], tools: Tools, tick: Tick, *, looks: bool
) -> Mapping[str, Any]:
    namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
    start_by = tools.clock() + tools.start_seconds
    started, interruptions = False, Interruptions()
    now: Mapping[str, Any] = {}
    root_is_why = cache(lambda: admission.never_admits(now, tools))
    for now, pods in _glances(made, tools, tick):
        state = readiness(now)
        started = read(made, pods, parts, tools) or started
        if state.progress is Progress.CURRENT:
            break
        if state.progress is Progress.FAILED:
            why = why_failed(parts.values(), _reason(state.reason, pods.values()))
            code = refused(parts.values())
            if code.get("code") == "digest-mismatch":
                raise program.swapped(namespace)
            lost = bits_lost(together([part.summary for part in parts.values()]))
            details = {**records(parts.values()), **lost, **code}
            raise ActionFailed(why, hint=_see_log(namespace, name), details=details)
        for news in interruptions.news(pods):
            tick({"news": news})
        if now["spec"].get("suspend"):
            start_by = tools.clock() + tools.start_seconds
            tick({"note": f"Job {namespace}/{name} is suspended; it goes on once its spec.suspend is false"})
        elif not started:
            late = tools.clock() >= start_by
            _wait_for_start(pods, namespace, name, tools, tick, late=late, looks=looks, root_is_why=root_is_why)
        elif stuck := _stuck(pods.values()):
            tick({"note": _waiting(stuck, namespace, name, tools)[0]})
        elif any(part.progress and not part.summary for part in parts.values()):
            tick(together([part.so_far() for part in parts.values()]))
    summary = together([part.summary for part in parts.values()])
    return {**summary, **began_with(parts.values())} if summary else summary


def _glances(
    made: Mapping[str, Any], tools: Tools, tick: Tick
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]]:
    """The Job and its newest pods, about once a second. Raises NotFound where it is gone, also if another one has its
    name by now."""
    namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
    answered = tools.clock()
    while True:
        try:
            now = tools.reader.get(JOBS, namespace, name)
            if now["metadata"]["uid"] != made["metadata"]["uid"]:
                raise NotFound(f"Job {namespace}/{name} is another one now.")
            glance = now, newest_pods(made, tools)
        except SILENT as error:
            if tools.clock() - answered >= _SILENCE:
                raise
            tick({"note": f"waiting: {silent(error)}"})
        else:
            answered = tools.clock()
            yield glance
        tools.pause(_POLL)


def _stuck(pods: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """One that has not done its work, where none is at work."""
    left = [pod for pod in pods if (pod.get("status") or {}).get("phase") != "Succeeded"]
    works = [pod for pod in left if (pod.get("status") or {}).get("phase") == "Running" and not is_cut_off(pod)]
    return left[0] if left and not works else None


def _wait_for_start(
    pods: Mapping[str, Mapping[str, Any]],
    namespace: str,
    name: str,
    tools: Tools,
    tick: Tick,
    *,
    late: bool,
    looks: bool,
    root_is_why: Callable[[], bool],
) -> None:
    pod = next(iter(pods.values()), None)
    what, event = _waiting(pod, namespace, name, tools)
    if pod is None and event and root_is_why():
        because = refused_look if looks else refused_as_root
        raise NeverStarted(because(namespace, events.pod_security(event[1]) or events.event(*event)))
    tick({"note": what})
    if late:
        raise NeverStarted(
            f"The pod of Job {namespace}/{name} did not start within {tools.start_seconds} seconds: {what}."
        )


def _waiting(
    pod: Mapping[str, Any] | None, namespace: str, name: str, tools: Tools
) -> tuple[str, tuple[str, str] | None]:
    """For what, in words, and the newest warning about it."""
    event = _last_event(namespace, pod["metadata"]["name"] if pod else name, tools)
    said = f" ({events.event(*event)})" if event else ""
    what = f"pod {pod['metadata']['name']}: {told(readiness(pod).reason)}" if pod else "waiting for its pod"
    return f"{what}{said}", event


def _reason(reason: str, pods: Iterable[Mapping[str, Any]]) -> str:
    short = next(filter(out_of_memory, pods), None)
    return f"{reason}. Pod {short['metadata']['name']} was killed for want of memory." if short else reason


def _last_event(namespace: str, name: str, tools: Tools) -> tuple[str, str] | None:
    """Reason and message of the newest warning about it."""
    try:
        warnings = list(tools.reader.list(EVENTS, namespace, field_selector=f"involvedObject.name={name},type=Warning"))
    except (ApiError, ClusterError):
        return None
    if not warnings:
        return None
    last = max(warnings, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return str(last.get("reason")), " ".join(str(last.get("message", "")).split())


def _see_log(namespace: str, name: str) -> str:
    return f"Its log: kubectl logs -n {namespace} job/{name}"
