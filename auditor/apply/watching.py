"""Stays with ownership Jobs that somebody else's run started: the cluster is all that is asked. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from auditor.apply import own_jobs
from auditor.apply.actions.change_ownership import effect
from auditor.apply.following import follow
from auditor.apply.ownership_job import ACTION_ANNOTATION, MODE_ANNOTATION, SELECTOR
from auditor.apply.progress import Progress
from auditor.apply.run import came_to, ended
from auditor.apply.tools import Tools
from auditor.errors import Forbidden, PlanRefused, PositAuditError
from auditor.model.action import ChangeOwnership
from auditor.model.kubernetes import JOBS, ObjectRef
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Step
from auditor.worker.commands import Mode


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A Job and what it does."""

    manifest: Mapping[str, Any]
    mode: Mode
    action: ChangeOwnership


def jobs(
    tools: Tools, namespaces: tuple[str, ...], *, all_namespaces: bool
) -> tuple[tuple[Found, ...], tuple[Outcome, ...]]:
    """Ours in these namespaces; without any, everywhere where that is allowed, otherwise in the current one. And a word
    about each that only another version can watch."""
    where: tuple[str | None, ...] = (None,) if all_namespaces or not namespaces else namespaces
    try:
        listed = [one for namespace in where for one in tools.reader.list(JOBS, namespace, label_selector=SELECTOR)]
    except Forbidden:
        if all_namespaces or namespaces:
            raise
        listed = list(tools.reader.list(JOBS, tools.reader.connection.namespace, label_selector=SELECTOR))
    found = [(job, _found(job)) for job in listed]
    return tuple(ours for _, ours in found if ours), tuple(_of_another_version(job) for job, ours in found if not ours)


def stay_with(found: Found, step: Step, tools: Tools, progress: Progress) -> Outcome:
    """To its end. It is left where it is: Kubernetes deletes it a day after that."""
    progress.step(step)
    try:
        own_jobs.check(found.manifest, found.action, found.mode, tools)
        summary = follow(found.manifest, tools, lambda counts: progress.tick(step, counts))
        outcome = came_to(step, effect(found.action, found.mode, summary))
    except PlanRefused as error:
        outcome = ended(step, State.REFUSED, str(error))
    except PositAuditError as error:
        outcome = ended(step, State.FAILED, str(error))
    progress.done(step, outcome)
    return outcome


def _found(job: Mapping[str, Any]) -> Found | None:
    """None for one of another version, which said less about itself."""
    said = job["metadata"].get("annotations") or {}
    try:
        action = msgspec.json.decode(said.get(ACTION_ANNOTATION, ""), type=ChangeOwnership)
        mode: Mode = msgspec.convert(said.get(MODE_ANNOTATION), type=Mode)
    except msgspec.MsgspecError:
        return None
    return Found(manifest=job, mode=mode, action=action)


def _of_another_version(job: Mapping[str, Any]) -> Outcome:
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    return Outcome(
        step=name,
        object=ObjectRef("Job", namespace, name),
        state=State.REFUSED,
        message=f"Job {namespace}/{name} was made by another version of posit-audit, which alone can watch it. Its log:"
        f" kubectl logs -f -n {namespace} job/{name}",
    )
