"""Runs the ownership worker in a Job on the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from auditor.apply import admission, guards, parts, program
from auditor.apply.effect import Effect
from auditor.apply.job_run import keeping, remove_running, run
from auditor.apply.ownership_job import job, pod
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, Forbidden, NotFound, PlanIsStale, PlanRefused
from auditor.model.action import ChangeOwnership
from auditor.model.kubernetes import CLAIMS, CONFIG_MAPS, EVENTS, JOBS, NAMESPACES, PODS, VOLUMES, Access
from auditor.model.outcome import State
from auditor.model.ownership import entries
from auditor.questions.admission import refused_as_root
from auditor.worker.commands import Mode
from auditor.worker.limits import NO_RECORD

ACCESS: tuple[Access, ...] = (
    Access(CLAIMS, ("get",)),
    Access(VOLUMES, ("get",)),
    Access(JOBS, ("get", "list", "create", "delete")),
    Access(CONFIG_MAPS, ("get", "create", "patch")),
    Access(PODS, ("list",)),
    admission.CREATE_PODS,
    Access(PODS, ("get",), "log"),
    Access(EVENTS, ("list",)),
)
_EXPOSED = (
    " While it ran, others than root could write its record of former owners, and what they wrote can't be known: undo"
    " will not believe it."
)


def check(action: ChangeOwnership, tools: Tools) -> str:
    try:
        claim = tools.reader.get(CLAIMS, action.claim.namespace, action.claim.name)
    except NotFound:
        raise PlanIsStale(f"{action.claim} no longer exists.", hint="Plan again.") from None
    if claim["metadata"]["uid"] != action.claim_uid:
        raise PlanIsStale(f"{action.claim} was deleted and made anew since the plan was made.", hint="Plan again.")
    pods = [] if action.after_stop else list(tools.reader.list(PODS, action.claim.namespace))
    volume = _volume(claim, tools)
    row = tools.catalog.storage(volume) if volume else None
    refusal = (
        guards.another_node(action, claim, pods)
        or guards.pointless_storage(row)
        or guards.beside_the_server(action, pods)
    )
    if refusal:
        raise PlanRefused(refusal)
    return ""


def _volume(claim: Mapping[str, Any], tools: Tools) -> Mapping[str, Any] | None:
    """Who may not see it finds out by the Job, which says so and changes nothing."""
    name = str(claim["spec"].get("volumeName") or "")
    try:
        return tools.reader.get(VOLUMES, "", name) if name else None
    except (Forbidden, NotFound):
        return None


def rehearse(action: ChangeOwnership, tools: Tools) -> None:
    namespace = action.claim.namespace
    if not action.placement.posix:
        program.rehearse(namespace, tools)
    with suppress(Conflict):  # The Job of an earlier run: it will be gone on with.
        tools.writer.create(JOBS, job(action, "change", seconds=tools.job_seconds), dry_run=True)
    if tools.reader.allowed(admission.CREATE_PODS, "create", namespace):
        _ask_admission(action, tools)
        return
    try:
        refusal = guards.pod_security(tools.reader.get(NAMESPACES, "", namespace))
    except Forbidden:
        return
    if refusal:
        raise PlanRefused(refusal)


def _ask_admission(action: ChangeOwnership, tools: Tools) -> None:
    asked = pod(action, "change")
    try:
        tools.writer.create(PODS, asked, dry_run=True)
    except Forbidden as error:
        if admission.root_is_why(asked, tools):
            raise PlanRefused(refused_as_root(action.claim.namespace, error.message)) from None
        raise PlanRefused(f"The ownership Job's pod would be refused: {error.message}") from None


def act(action: ChangeOwnership, tools: Tools, tick: Tick) -> Effect:
    """Raises PlanRefused if pods that outlive the stopped server, such as content's, would work beside the shell
    program: `check` can't see that, since it is asked before the stop too."""
    if action.placement.posix:
        refusal = guards.beside_the_server(action, tools.reader.list(PODS, action.claim.namespace))
        if refusal:
            raise PlanRefused(refusal)
    return effect(action, "change", run(action, "change", tools, tick))


def effect(action: ChangeOwnership, mode: Mode, summary: Mapping[str, Any]) -> Effect:
    """What a Job that came to its end did."""
    told = ("tool", "python", "seen", "changed", "earlier", "seconds", "per_second", "records")
    details = {key: summary[key] for key in told if key in summary}
    details |= {**parts.bits_lost(summary), "image": action.placement.image}
    if "changed" not in summary:
        unknown = "The Job came to its end. Its log could not be read, so how much it did is unknown."
        return Effect(State.DONE, unknown, details)
    changed = int(summary["changed"] or 0)
    if mode == "undo":
        return _given_back(changed, summary.get("left_out") or (), parts.bits_lost(summary))
    moved = [entry for entry in summary.get("moved_aside") or () if entry.get("moved")]
    if moved:
        details["moved_aside"] = len(moved)
    if not changed and not moved and not summary.get("earlier"):
        return Effect(State.ALREADY, f"Everything on {action.claim} belongs to {action.owner}.", details)
    aside = f" {len(moved)} of root's license activations moved aside." if moved else ""
    exposed = _EXPOSED if summary.get("records") == [] else ""
    earlier = int(summary.get("earlier") or 0)
    before = f"; before it was interrupted, up to {earlier:,} others" if earlier else ""
    bits = _without_bits(details)
    return Effect(State.DONE, f"{entries(changed)} given to {action.owner}{before}.{aside}{bits}{exposed}", details)


def _without_bits(details: Mapping[str, Any]) -> str:
    lost = details.get("bits_lost")
    if not lost:
        return ""
    count, samples = lost["count"], ", ".join(lost.get("samples") or ())
    such = f", such as {samples}" if samples else ""
    return f" {count:,} {'file' if count == 1 else 'files'} lost setuid or setgid bits{such}."


def _given_back(changed: int, left_out: Sequence[str], bits_lost: Mapping[str, Any]) -> Effect:
    others = f" Left out: {', '.join(left_out)}, the records of other runs, or damaged, or open to others."
    message = (
        f"{entries(changed)} given back to their former owners.{_without_bits(bits_lost)}{others if left_out else ''}"
    )
    return Effect(State.DONE, message, {"changed": changed, **bits_lost})


def undo(action: ChangeOwnership, tools: Tools, tick: Tick) -> Effect:
    if action.placement.posix and NO_RECORD in action.placement.limits:
        raise PlanRefused(
            f"Former owners on {action.claim} were not recorded, since image {action.placement.image} has not the tools"
            " for it. They stay as they are."
        )
    try:
        claim = tools.reader.get(CLAIMS, action.claim.namespace, action.claim.name)
    except NotFound:
        return Effect(State.ALREADY, f"{action.claim} no longer exists.")
    if claim["metadata"]["uid"] != action.claim_uid:
        return Effect(State.ALREADY, f"{action.claim} was deleted and made anew since; the new one is left alone.")
    action = _placed_now(action, claim, tools)
    told = remove_running(action, "change", tools).get("records") or ()
    known = tuple(dict.fromkeys((*action.records, *told)))
    # Those that only its log told are nowhere else by now.
    found = len(known) > len(action.records)
    try:
        with keeping({"records": known} if found else {}):
            summary = run(msgspec.structs.replace(action, records=known), "undo", tools, tick)
    except ActionFailed as error:
        code = error.details.get("code")
        if code == "nothing-to-undo":
            remove_running(action, "undo", tools)
            nothing = (
                f"There is no record of former owners on {action.claim}: nothing was changed there, or it is gone."
            )
            return Effect(State.ALREADY, nothing)
        if code and not found:  # it did not begin
            raise PlanRefused(error.message, hint=error.hint) from None
        raise
    return effect(action, "undo", summary)


def _placed_now(action: ChangeOwnership, claim: Mapping[str, Any], tools: Tools) -> ChangeOwnership:
    """For the node where the server is now: it may have moved since the plan was made, and the old node be gone. But a
    hostPath is another directory on each node. Raises PlanRefused where no pod of ours could mount the claim."""
    pods = list(tools.reader.list(PODS, action.claim.namespace))
    if "hostPath" in (_volume(claim, tools) or {}).get("spec", {}):
        refusal = guards.beside_the_server(action, pods)
        if refusal:
            raise PlanRefused(refusal)
        return action
    placement = msgspec.structs.replace(action.placement, node=guards.node_in_use(action, claim, pods))
    placed = msgspec.structs.replace(action, placement=placement)
    refusal = guards.another_node(placed, claim, pods) or guards.beside_the_server(placed, pods)
    if refusal:
        raise PlanRefused(refusal)
    return placed
