"""What will be done, in order, and what will not be done and why. Written to a file and read back."""

from __future__ import annotations

import msgspec

from auditor.model.action import Action, ChangeOwnership, HandBackFields, LabelServiceAccount, ScaleWorkload
from auditor.model.kubernetes import ObjectRef
from auditor.model.snapshot import ReleaseRef
from auditor.printable import printable


def step_id(action: Action) -> str:
    """One id per thing that is changed: two actions with the same id are one step, or they contradict each other."""
    match action:
        case LabelServiceAccount(account=account):
            return f"label-service-account:{account.namespace}/{account.name}"
        case ChangeOwnership(claim=claim, path=path):
            below = f":{printable(path)}" if path else ""
            return f"change-ownership:{claim.namespace}/{claim.name}{below}"
        case ScaleWorkload(workload=workload, replicas=replicas):
            return f"scale-workload:{workload.namespace}/{workload.name}:{replicas}"
        case HandBackFields(object=held):
            return f"hand-back-fields:{held.kind.lower()}/{held.namespace}/{held.name}"
        case _:
            return f"helm-upgrade:{action.namespace}/{action.release}"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One action with all that a person needs to agree to it."""

    id: str
    """Stable: "label-service-account:ns/name". Applying a step twice is applying it once."""
    release: ReleaseRef
    rules: tuple[str, ...]
    """Whose findings it mends."""
    object: ObjectRef
    action: Action
    title: str
    diff: tuple[str, ...]
    """Unified-diff-like lines: "+ label ...", "- ...", "  ..."; no values from the user."""
    interrupts: str
    undo: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that no step mends: a person must, or a guard said no."""

    release: ReleaseRef
    rule: str
    object: ObjectRef
    reason: str
    step: str = ""
    """The step that the API server or Helm would refuse, if that is why; otherwise ""."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that would be fixed, and is not because --only or --skip says so."""

    release: ReleaseRef
    rule: str
    object: ObjectRef
    steps: tuple[str, ...]
    """The ids of the steps that would fix it."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    schema: str = "posit-audit.plan/v1"
    server: str
    context: str
    steps: tuple[Step, ...] = ()
    held: tuple[Held, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
