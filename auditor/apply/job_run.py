"""Starts a Job, or finds the one that is there, and stays with it to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply.following import NeverStarted, follow
from auditor.apply.ownership_job import UID_ANNOTATION, Mode, config_map, job, name_of
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, NotFound
from auditor.model.action import ChangeOwnership
from auditor.model.kubernetes import CONFIG_MAPS, JOBS
from auditor.readiness import Progress, readiness

_POLL = 1.0


def run(action: ChangeOwnership, mode: Mode, tools: Tools, tick: Tick) -> Mapping[str, Any]:
    """The worker's summary. Raises ActionFailed; a Job whose pod began stays then, so that its log can be read."""
    made = _running(action, mode, tools) or _start(action, mode, tools)
    try:
        summary = follow(made, tools, tick)
    except NeverStarted as error:
        remove(made, tools)
        raise ActionFailed(f"{error.message} Nothing was changed on the volume, and the Job was deleted.") from None
    remove(made, tools)
    return summary


def remove_running(action: ChangeOwnership, mode: Mode, tools: Tools) -> None:
    """Ends the Job of an earlier run, if there is one, and waits until its pods are gone."""
    try:
        remove(tools.reader.get(JOBS, action.claim.namespace, name_of(action, mode)), tools)
    except NotFound:
        return


def _running(action: ChangeOwnership, mode: Mode, tools: Tools) -> dict[str, Any] | None:
    """The Job of an earlier run, if it still works. A finished one is removed: what it saw is no longer news."""
    try:
        found = tools.reader.get(JOBS, action.claim.namespace, name_of(action, mode))
    except NotFound:
        return None
    ours = (found["metadata"].get("annotations") or {}).get(UID_ANNOTATION) == action.claim_uid
    going = readiness(found).progress is Progress.IN_PROGRESS and not found["metadata"].get("deletionTimestamp")
    if ours and going:
        return found
    remove(found, tools)
    return None


def _start(action: ChangeOwnership, mode: Mode, tools: Tools) -> dict[str, Any]:
    tools.writer.apply(CONFIG_MAPS, config_map(action, mode))
    try:
        made = tools.writer.create(JOBS, job(action, mode, seconds=tools.job_seconds))
    except Conflict:
        # Another run of ours was faster, or the answer to our own request was lost: either way it is this one.
        made = tools.reader.get(JOBS, action.claim.namespace, name_of(action, mode))
    tools.writer.apply(CONFIG_MAPS, config_map(action, mode, made["metadata"]["uid"]))
    return made


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
