"""Starts a Job, or finds the one that is there, and stays with it to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from auditor.apply import own_jobs, program
from auditor.apply.following import NeverStarted, follow
from auditor.apply.ownership_job import job, name_of
from auditor.apply.parts import mode_bits, told
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, NotFound, PlanRefused, PositAuditError
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.kubernetes import JOBS
from auditor.readiness import Progress, readiness
from auditor.worker.commands import Mode

_POLL = 1.0


def run(action: ChangeOwnership, mode: Mode, tools: Tools, tick: Tick) -> Mapping[str, Any]:
    """The worker's summary; what a Job did that ended unwatched is part of it. Raises ActionFailed; a Job whose pod
    began stays then, so that its log can be read."""
    there = _running(action, mode, tools)
    before = {} if there else remove_running(action, mode, tools)
    with keeping(before), _begun():
        made = there or _start(action, mode, tools, tick)
        try:
            summary = _both(before, follow(made, tools, tick))
        except NeverStarted as error:
            if there:
                give_up = f"kubectl delete job -n {action.claim.namespace} {name_of(action, mode)}"
                hint = f"An earlier run made it, and it goes on when it can; to give it up: {give_up}"
                raise ActionFailed(error.message, hint=hint) from None
            remove(made, tools)
            raise ActionFailed(f"{error.message} Nothing was changed on the volume, and the Job was deleted.") from None
    with keeping(summary, but="The ownership Job did its work, and deleting it failed: "):
        remove(made, tools)
    return summary


@contextmanager
def _begun() -> Iterator[None]:
    """What goes wrong once a Job may exist is no refusal: then it may have changed owners, and undo has to know."""
    try:
        yield
    except (PlanRefused, Conflict) as error:
        raise ActionFailed(error.message, hint=error.hint) from None


@contextmanager
def keeping(told: Mapping[str, Any], *, but: str = "") -> Iterator[None]:
    """What fails inside carries the digests that a Job told: undo needs them, and its log may be gone. `but`: what its
    message begins with."""
    try:
        yield
    except PositAuditError as error:
        details = error.details if isinstance(error, ActionFailed) else {}
        records = [*(told.get("records") or ()), *(details.get("records") or ())]
        if not records and not but:
            raise
        raise ActionFailed(f"{but}{error.message}", hint=error.hint, details={**details, "records": records}) from None


def placement_of_running(action: ChangeOwnership, tools: Tools) -> Placement | None:
    """Of the Job of an earlier run, if it still works: it goes on with the image that it has."""
    there = _running(action, "change", tools)
    theirs = own_jobs.annotated(there) if there else None
    return theirs.placement if theirs else None


def remove_running(action: ChangeOwnership, mode: Mode, tools: Tools) -> Mapping[str, Any]:
    """Ends the Job of an earlier run, if there is one, and waits until its pods are gone. What it told by then: its log
    goes with it. Raises PlanRefused if the Job is not ours."""
    found = _found(action, mode, tools)
    if not found:
        return {}
    said = told(found, tools)
    if action.jobs and found["metadata"]["uid"] not in action.jobs:
        said = {**said, "records": []}  # not of the run that is undone
    with keeping(said):
        remove(found, tools)
    return said


def _both(before: Mapping[str, Any], now: Mapping[str, Any]) -> Mapping[str, Any]:
    """Both saw the same entries; what each of them changed and wrote down is its own."""
    if not before:
        return now
    changed = {}
    if "changed" in now:
        # What the one before changed is among what came earlier to this one.
        changed = {"changed": (before.get("changed") or 0) + now["changed"], "earlier": before.get("earlier") or 0}
    lists = {name: [*(before.get(name) or ()), *(now.get(name) or ())] for name in ("moved_aside", "records")}
    return {**now, **changed, **lists, "mode_bits": mode_bits([before, now])}


def _found(action: ChangeOwnership, mode: Mode, tools: Tools) -> dict[str, Any] | None:
    """Raises PlanRefused if something else has its name."""
    try:
        found = tools.reader.get(JOBS, action.claim.namespace, name_of(action, mode))
    except NotFound:
        return None
    own_jobs.check(found, action, mode, tools)
    return found


def _running(action: ChangeOwnership, mode: Mode, tools: Tools) -> dict[str, Any] | None:
    """The Job of an earlier run, if it still works."""
    found = _found(action, mode, tools)
    if not found or found["metadata"].get("deletionTimestamp"):
        return None
    return found if readiness(found).progress is Progress.IN_PROGRESS else None


def _start(action: ChangeOwnership, mode: Mode, tools: Tools, tick: Tick) -> dict[str, Any]:
    try:
        made = tools.writer.create(JOBS, job(action, mode, seconds=tools.job_seconds))
    except Conflict as conflict:
        # Another run of ours was faster, or the answer to our own request was lost: either way it is this one.
        there = _found(action, mode, tools)
        if there is None:
            raise ActionFailed(conflict.message, hint=conflict.hint) from None
        made = there
    tick({"job": made["metadata"]["uid"]})
    if not action.placement.posix:
        _provide(made, tools)
    return made


def _provide(made: Mapping[str, Any], tools: Tools) -> None:
    """Its pod waits for the program, unless that is there for another Job's sake: then it has begun by now."""
    try:
        program.provide(made, tools)
    except PositAuditError:
        with keeping(told(made, tools)):
            remove(made, tools)
            raise


def remove(job_: Mapping[str, Any], tools: Tools) -> None:
    """Deletes the Job and waits until it and its pods are gone, and the volume is free."""
    metadata = job_["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    deadline = tools.clock() + tools.start_seconds
    try:
        tools.writer.delete(JOBS, namespace, name, uid=metadata["uid"])
        while tools.reader.get(JOBS, namespace, name)["metadata"]["uid"] == metadata["uid"]:
            if tools.clock() >= deadline:
                raise ActionFailed(f"Job {namespace}/{name} was deleted and does not go away.")
            tools.pause(_POLL)
    except NotFound:
        return
