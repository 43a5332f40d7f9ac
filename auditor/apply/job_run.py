"""Starts a Job, or finds the one that is there, and stays with it to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from auditor.apply import program
from auditor.apply.following import NeverStarted, follow
from auditor.apply.ownership_job import ACTION_ANNOTATION, UID_ANNOTATION, job, name_of
from auditor.apply.parts import mode_bits, told
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, NotFound, PositAuditError
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
    with keeping(before):
        made = there or _start(action, mode, tools)
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
    said = (there["metadata"].get("annotations") or {}).get(ACTION_ANNOTATION, "") if there else ""
    try:
        return msgspec.json.decode(said, type=ChangeOwnership).placement if said else None
    except msgspec.MsgspecError:
        return None


def remove_running(action: ChangeOwnership, mode: Mode, tools: Tools) -> Mapping[str, Any]:
    """Ends the Job of an earlier run, if there is one, and waits until its pods are gone. What it told by then, if it
    worked on this claim: its log goes with it."""
    found = _found(action, mode, tools)
    if not found:
        return {}
    said = told(found, tools) if _ours(found, action) else {}
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
    try:
        return tools.reader.get(JOBS, action.claim.namespace, name_of(action, mode))
    except NotFound:
        return None


def _ours(found: Mapping[str, Any], action: ChangeOwnership) -> bool:
    return (found["metadata"].get("annotations") or {}).get(UID_ANNOTATION) == action.claim_uid


def _running(action: ChangeOwnership, mode: Mode, tools: Tools) -> dict[str, Any] | None:
    """The Job of an earlier run, if it still works."""
    found = _found(action, mode, tools)
    if not found or not _ours(found, action) or found["metadata"].get("deletionTimestamp"):
        return None
    return found if readiness(found).progress is Progress.IN_PROGRESS else None


def _start(action: ChangeOwnership, mode: Mode, tools: Tools) -> dict[str, Any]:
    try:
        made = tools.writer.create(JOBS, job(action, mode, seconds=tools.job_seconds))
    except Conflict:
        # Another run of ours was faster, or the answer to our own request was lost: either way it is this one.
        made = tools.reader.get(JOBS, action.claim.namespace, name_of(action, mode))
    if not action.placement.posix:
        _provide(made, tools)
    return made


def _provide(made: Mapping[str, Any], tools: Tools) -> None:
    """Its pod waits for the program."""
    try:
        program.provide(made, tools)
    except PositAuditError:
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
