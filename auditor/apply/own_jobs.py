"""Which Jobs and pods are ours. A name, a label or an annotation proves nothing: other clients in the namespace write
them too. What proves it is the pod template, which can't be changed and has the digest of the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from auditor.apply.ownership_job import ACTION_ANNOTATION, CONTAINER, job
from auditor.apply.tools import Tools
from auditor.errors import ApiError, PlanRefused
from auditor.model.action import ChangeOwnership
from auditor.model.kubernetes import JOBS
from auditor.worker.commands import Mode

_SET_BY_KUBERNETES = ("controller-uid", "job-name")
"""Labels of a Job's template, with and without the prefix batch.kubernetes.io/."""


def check(found: Mapping[str, Any], action: ChangeOwnership, mode: Mode, tools: Tools) -> None:
    """Raises PlanRefused unless the Job is one that this version would make for the action."""
    for body in _possible(found, action, mode):
        if same(found, body, tools):
            return
    raise foreign(found)


def annotated(found: Mapping[str, Any]) -> ChangeOwnership | None:
    said = (found["metadata"].get("annotations") or {}).get(ACTION_ANNOTATION, "")
    try:
        return msgspec.json.decode(said, type=ChangeOwnership)
    except msgspec.MsgspecError:
        return None


def _possible(found: Mapping[str, Any], action: ChangeOwnership, mode: Mode) -> Iterator[dict[str, Any]]:
    """The Job says in how many parts it works and on which node, and what it moves aside. In which image is for us to
    say: what its pods write is believed."""
    theirs = annotated(found)
    if theirs is None:
        return
    own = action.placement
    for placement in (own, *(own.taking(one) for one in own.others)):
        for limits in dict.fromkeys((placement.has_python, theirs.placement.has_python)):
            would = msgspec.structs.replace(
                action,
                placement=msgspec.structs.replace(placement, node=theirs.placement.node, has_python=limits),
                shards=theirs.shards,
                move_aside=theirs.move_aside,
                records=theirs.records,
            )
            yield job(would, mode, seconds=1)


def same(found: Mapping[str, Any], body: Mapping[str, Any], tools: Tools) -> bool:
    """Whether the API server would make this very pod template of the body, with all that it and its policies add."""
    metadata = {**body["metadata"], "name": f"{body['metadata']['name']}-compare"}
    try:
        would = tools.writer.create(JOBS, {**body, "metadata": metadata}, dry_run=True)
    except ApiError as error:
        raise PlanRefused(
            f"{_named(found)} exists, and whether it is ours can't be compared: {error.message}", hint=error.hint
        ) from None
    return _template(would) == _template(found)


def foreign(found: Mapping[str, Any]) -> PlanRefused:
    metadata = found["metadata"]
    return PlanRefused(
        f"{_named(found)} has the name of a Job of ours, but its pod template is not the one that this version of"
        " posit-audit would make: another version or another client made it. Nothing of it is believed.",
        hint=f"Find out who made it, then: kubectl delete job -n {metadata['namespace']} {metadata['name']}",
    )


def owns(made: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether the Job made the pod. Anyone may give a pod its labels."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") == made["metadata"]["uid"] for owner in owners)


def runs_as_made(made: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether the pod runs what the template says, so that its digests can be believed."""
    return bool(wanted := _program(made["spec"]["template"]["spec"])) and _program(pod["spec"]) == wanted


def _program(spec: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (one.get("image"), one.get("command"), one.get("args"))
        for one in spec.get("containers") or ()
        if one.get("name") == CONTAINER
    ]


def _template(job_: Mapping[str, Any]) -> Mapping[str, Any]:
    """But for its resources: how fast it works changes nothing of what it does."""
    template = job_["spec"]["template"]
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    labels = {
        key: value
        for key, value in (metadata.get("labels") or {}).items()
        if key.removeprefix("batch.kubernetes.io/") not in _SET_BY_KUBERNETES
    }
    containers = [{**one, "resources": None} for one in template["spec"].get("containers") or ()]
    return {
        **template,
        "metadata": {**metadata, "labels": labels},
        "spec": {**template["spec"], "containers": containers},
    }


def _named(found: Mapping[str, Any]) -> str:
    return f"Job {found['metadata']['namespace']}/{found['metadata']['name']}"
