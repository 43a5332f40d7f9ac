"""Stops a Deployment, or starts it again. While it is stopped its annotations say what it was before.

No hold on its replicas is left behind: a release that Helm applies on the server's side would conflict with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply import guards, managed_fields
from auditor.apply.effect import Effect
from auditor.apply.ownership_job import SELECTOR
from auditor.apply.progress import Tick
from auditor.apply.silence import SILENT, silent
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Forbidden, NotFound, PlanIsStale, PlanRefused
from auditor.model.action import ScaleWorkload
from auditor.model.kubernetes import DEPLOYMENTS, JOBS, PODS, Access
from auditor.model.outcome import State
from auditor.readiness import Progress, readiness

ACCESS: tuple[Access, ...] = (
    Access(DEPLOYMENTS, ("get", "patch")),
    Access(PODS, ("list",)),
    Access(JOBS, ("list",)),
)
_POLL = 1.0
_REPLICAS = ("f:spec", "f:replicas")


def check(action: ScaleWorkload, tools: Tools) -> str:
    try:
        body = _get(action, tools)
    except NotFound:
        raise PlanIsStale(f"{action.workload} no longer exists.", hint="Plan again.") from None
    if body["metadata"]["uid"] != action.uid:
        raise PlanIsStale(f"{action.workload} was deleted and made anew since the plan was made.", hint="Plan again.")
    now = _replicas(body)
    if _stops(action.replicas) and now not in (action.before, 0):
        raise PlanIsStale(
            f"{action.workload} has {now} replicas now, and the plan was made for {action.before}.", hint="Plan again."
        )
    return _has(action, now, action.replicas) if _is_so(action, body, action.replicas) else ""


def rehearse(action: ScaleWorkload, tools: Tools) -> None:
    _patch(action, tools, action.replicas, dry_run=True)


def act(action: ScaleWorkload, tools: Tools, tick: Tick) -> Effect:
    now = _scale(action, tools, tick, action.replicas)
    if _stops(action.replicas):
        return Effect(State.DONE, f"{action.workload} is stopped; all its pods are gone.")
    return Effect(State.DONE, _has(action, now, action.replicas))


def undo(action: ScaleWorkload, tools: Tools, tick: Tick) -> Effect:
    try:
        body = _get(action, tools)
    except NotFound:
        return Effect(State.ALREADY, f"{action.workload} no longer exists.")
    if body["metadata"]["uid"] != action.uid:
        return Effect(State.ALREADY, f"{action.workload} was deleted and made anew since; the new one is left alone.")
    now = _replicas(body)
    if now not in (0, action.before) and not _stops(action.before) and not _marked(action, body):
        raise PlanRefused(f"{action.workload} was scaled to {now} replicas by somebody else since; it stays so.")
    if _is_so(action, body, action.before):
        return Effect(State.ALREADY, _has(action, now, action.before))
    return Effect(State.DONE, _has(action, _scale(action, tools, tick, action.before), action.before))


def _stops(replicas: int) -> bool:
    return replicas == 0


def _is_so(action: ScaleWorkload, body: Mapping[str, Any], replicas: int) -> bool:
    """Stopped with our marks, or started without them, with however many replicas: Helm starts it with the chart's
    number, an autoscaler or a person with theirs, and that stays."""
    return _stops(_replicas(body)) is _stops(replicas) is _marked(action, body)


def _has(action: ScaleWorkload, now: int, replicas: int) -> str:
    other = "" if now == replicas else f", not {replicas} as before: Helm, an autoscaler or a person started it"
    return f"{action.workload} has {now} replicas{other}."


def _get(action: ScaleWorkload, tools: Tools) -> dict[str, Any]:
    return tools.reader.get(DEPLOYMENTS, action.workload.namespace, action.workload.name)


def _replicas(body: Mapping[str, Any]) -> int:
    return int(body["spec"].get("replicas", 1))


def _marked(action: ScaleWorkload, body: Mapping[str, Any]) -> bool:
    annotations = body["metadata"].get("annotations") or {}
    return any(key in annotations for key in action.marks)


def _scale(action: ScaleWorkload, tools: Tools, tick: Tick, replicas: int) -> int:
    """How many it has then. One that was started meanwhile keeps what it has and loses the marks."""
    running = 0 if _stops(replicas) else _running(action, tools)
    scaled = _patch(action, tools, replicas, scale=not running)
    managed_fields.let_go(tools, DEPLOYMENTS, scaled, _REPLICAS)
    count = running or replicas
    deadline = tools.clock() + tools.rollout_seconds
    while True:
        try:
            behind, hopeless = (_pods_left(scaled, tools), False) if _stops(replicas) else _not_ready(action, tools)
        except SILENT as error:
            behind, hopeless = silent(error), False
        if not behind:
            return count
        if hopeless or tools.clock() >= deadline:
            raise ActionFailed(f"{action.workload} was scaled to {count} replicas and did not get there: {behind}.")
        tick({"note": f"waiting: {behind}"})
        tools.pause(_POLL)


def _running(action: ScaleWorkload, tools: Tools) -> int:
    """How many it has already. Raises PlanRefused where it has none and may not have any yet."""
    body = _get(action, tools)
    if not _replicas(body):
        _refuse_if_owners_change(body, tools)
    return _replicas(body)


def _refuse_if_owners_change(deployment: Mapping[str, Any], tools: Tools) -> None:
    """Asked when it is started and not before: the Job that a plan itself goes on with is over by then."""
    try:
        jobs = list(tools.reader.list(JOBS, deployment["metadata"]["namespace"], label_selector=SELECTOR))
    except Forbidden:
        return
    refusal = guards.owners_change(deployment, jobs)
    if refusal:
        raise PlanRefused(refusal, hint="Stay with it to its end: posit-audit fix --watch; then run this again.")


def _patch(
    action: ScaleWorkload, tools: Tools, replicas: int, *, scale: bool = True, dry_run: bool = False
) -> dict[str, Any]:
    """The uid is a precondition that the API server itself checks."""
    marks = action.marks if _stops(replicas) else dict.fromkeys(action.marks)
    body: dict[str, Any] = {"metadata": {"uid": action.uid, "annotations": marks}}
    if scale:
        body["spec"] = {"replicas": replicas}
    return tools.writer.patch(DEPLOYMENTS, action.workload.namespace, action.workload.name, body, dry_run=dry_run)


def _pods_left(deployment: Mapping[str, Any], tools: Tools) -> str:
    """A pod that is being deleted may write until it is gone, so the Deployment's own count is not enough."""
    chosen = deployment["spec"]["selector"].get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))
    pods = tools.reader.list(PODS, deployment["metadata"]["namespace"], label_selector=selector)
    left = [pod["metadata"]["name"] for pod in pods if _is_of(deployment, pod)]
    return f"pod {left[0]} is still there" if left else ""


def _is_of(deployment: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """The charts' hook Job carries the server's labels."""
    finished = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    owners = pod["metadata"].get("ownerReferences") or ()
    return not finished and any(
        owner["kind"] == "ReplicaSet" and owner["name"].startswith(f"{deployment['metadata']['name']}-")
        for owner in owners
    )


def _not_ready(action: ScaleWorkload, tools: Tools) -> tuple[str, bool]:
    """Why it isn't, or "", and whether Kubernetes has given up."""
    state = readiness(_get(action, tools)) if action.wait else None
    if state is None or state.progress is Progress.CURRENT:
        return "", False
    return state.reason, state.progress is Progress.FAILED
