"""What a person reads of a step before agreeing to it. No value comes from the user's own values."""

from __future__ import annotations

import json
from collections.abc import Iterator

from auditor.model.action import (
    Action,
    Candidate,
    ChangeOwnership,
    HandBackFields,
    LabelServiceAccount,
    PatchValues,
    Placement,
    ScaleWorkload,
    UpgradeRelease,
    ValueEdit,
)
from auditor.model.held import HeldField
from auditor.model.keypath import join_key
from auditor.model.kubernetes import ObjectRef
from auditor.model.migration import Note
from auditor.names.fields import field
from auditor.names.shown import key, name
from auditor.questions import holders
from auditor.questions.admission import REFUSE_ROOT, enforces, refused_as_root
from auditor.worker.limits import IN_WORDS, NO_RECORD, in_words

_MOST_CHANGES = 12


def object_of(action: Action) -> ObjectRef:
    match action:
        case LabelServiceAccount(account=account):
            return account
        case ChangeOwnership(claim=claim):
            return claim
        case ScaleWorkload(workload=workload):
            return workload
        case HandBackFields(object=held):
            return held
        case PatchValues() | UpgradeRelease():
            return ObjectRef(kind="Release", namespace=action.namespace, name=action.release)


def title(action: Action) -> str:
    match action:
        case LabelServiceAccount(account=account):
            return f"Label {account}"
        case ChangeOwnership():
            parts = f", in {action.shards} parts" if action.shards > 1 else ""
            return f"Give wrong entries on {action.claim} to {action.owner}{parts}"
        case ScaleWorkload(workload=workload, replicas=0):
            return f"Stop {workload}"
        case ScaleWorkload(workload=workload):
            return f"Start {workload} again"
        case HandBackFields(object=held):
            return f"Hand fields of {held} back to Helm"
        case UpgradeRelease():
            return f"Upgrade release {action.namespace}/{action.release} to chart {action.chart} {action.to_version}"
        case PatchValues():
            count = f"{len(action.edits)} value{'' if len(action.edits) == 1 else 's'}"
            return (
                f"Patch {count} of release {action.namespace}/{action.release} at chart version {action.chart_version}"
            )


def diff(action: Action) -> tuple[str, ...]:
    match action:
        case LabelServiceAccount():
            return (f"  metadata.labels of {action.account}", f"+   {action.key}: {json.dumps(action.value)}")
        case ChangeOwnership():
            return _ownership_diff(action)
        case ScaleWorkload(workload=workload):
            return (f"  {workload}", f"-   replicas: {action.before}", f"+   replicas: {action.replicas}")
        case HandBackFields(object=held):
            return (f"  managedFields of {held}", *(line for one in action.fields for line in _held_diff(one)))
        case UpgradeRelease():
            return _upgrade_diff(action)
        case PatchValues():
            head = f"  user-supplied values, revision {action.revision}"
            edits = (line for edit in action.edits for line in _edit_diff(edit))
            return (head, *edits, *_rendered_diff(action), *_overruled_diff(action))


def _held_diff(held: HeldField) -> tuple[str, ...]:
    value = f"; it stays {held.observed}" if held.shown else "; its value stays"
    later = f"{held.expected}" if held.shown else "the chart's value"
    return (
        f"-   {field(held)}: held by {name(held.manager)} ({held.operation})",
        f"+   {field(held)}: held by no manager{value}, and the next helm upgrade sets it to {later}",
    )


def _overruled_diff(action: PatchValues | UpgradeRelease) -> tuple[str, ...]:
    if not action.overruled:
        return ()
    lines = (f"!   {holders.in_words(held)}" for held in action.overruled)
    return ("  conflicts that Helm overrules (--force-conflicts), these and no others", *lines)


def _ownership_diff(action: ChangeOwnership) -> tuple[str, ...]:
    where = f"/{name(action.path)}" if action.path else ""
    lines = [
        f"  volume of {action.claim}{where}",
        f"-   {f'at least {action.wrong:,}' if action.wrong else 'all'} entries owned by another than {action.owner}",
        f"+   the same entries owned by {action.owner}; contents, modes and right entries stay as they are",
        "      (setuid and setgid bits are cleared if a third user owned the file, and by undo)",
    ]
    for path in action.move_aside:
        lines += [f"-   {name(path)}", f"+   {name(path)}, renamed in its place: root's license activation, kept"]
    return (*lines, *_image_lines(action.placement))


def _image_lines(placement: Placement) -> Iterator[str]:
    """Which image, why, and what comes next."""
    why = f", because {placement.why}" if placement.why else ""
    yield f"  in image {placement.image}{why}; {_with_what(placement)}"
    if placement.others:
        yield "  it is tried before anything is stopped; if it fails, then"
    for one in placement.others:
        yield f"    image {one.image}, because {one.why}; {_with_what(one)}"


def _with_what(one: Placement | Candidate) -> str:
    match one.has_python:
        case "none":
            limits = in_words(one.limits)
            return f"without Python{f', by the shell program, with these limits: {limits}' if limits else ''}"
        case "found" if one.python:
            return f"Python: {one.python}"
        case _:
            return "Python: searched when the Job starts"


def _rendered_diff(action: PatchValues | UpgradeRelease) -> tuple[str, ...]:
    """What of it is there to see: what is a secret, or may be one, is named and not shown."""
    rendering = action.rendering
    if rendering is None:
        return ("  objects: not rendered; Helm and the chart (--chart) are needed to show what changes in the cluster",)
    lines = ["  objects in the cluster", *(rendering.changes or ("    nothing changes",))]
    if rendering.templates:
        lines += [
            "  templates of values that run with your permissions",
            *(f"!   {key}" for key in rendering.templates),
        ]
    if rendering.accepted:
        lines += ["  what --unsafe lets pass", *(f"!   {what}" for what in rendering.accepted)]
    return tuple(lines)


def _upgrade_diff(action: UpgradeRelease) -> tuple[str, ...]:
    lines = [
        f"  chart of release {action.namespace}/{action.release}, revision {action.revision}",
        f"-   {action.chart} {action.from_version}",
        f"+   {action.chart} {action.to_version}",
    ]
    values = [line for edit in action.edits for line in _edit_diff(edit)]
    values += [line for note in action.notes for line in _note_diff(note)]
    values += [line for edit in action.settings for line in _edit_diff(edit)]
    if values:
        lines += ["  user-supplied values", *values]
    if action.changes:
        lines += ["  what else changes with the chart", *(f"~   {change}" for change in action.changes[:_MOST_CHANGES])]
    if len(action.changes) > _MOST_CHANGES:
        lines.append(f"~   and {len(action.changes) - _MOST_CHANGES} more: posit-audit scan --to tells them")
    return (*lines, *_rendered_diff(action), *_overruled_diff(action))


def _note_diff(note: Note) -> tuple[str, ...]:
    match note.kind:
        case "moved" if note.to:
            return (f"-   {note.key}", f"+   {note.to} (moved)")
        case "moved" | "dropped":
            return (f"-   {note.key}  # {note.message}",)
        case _:
            return (f"    {note.key}  # {note.message}",)


def _edit_diff(edit: ValueEdit) -> tuple[str, ...]:
    place = key(join_key(edit.path))
    why = f"  # {edit.reason}" if edit.reason else ""
    match edit.op:
        case "delete":
            return (f"-   {place}{why}",)
        case "rename":
            return (f"-   {place}", f"+   {key(join_key(edit.to))} (same value){why}")
        case _:
            return (f"+   {place}: {json.dumps(edit.value, ensure_ascii=False)}{why}",)


def interrupts(action: Action) -> str:
    match action:
        case LabelServiceAccount() | HandBackFields():
            return "Nothing."
        case ChangeOwnership():
            return _ownership_interrupts(action)
        case ScaleWorkload(replicas=0):
            return "The server: from here nobody is served until it is started again, which is done in any case."
        case ScaleWorkload():
            return "Nothing."
        case UpgradeRelease():
            return (
                "The server's pods are replaced by those of the new chart. The chart's own ownership hook is not run."
                " Where they don't get ready, the release is rolled back."
            )
        case PatchValues():
            return (
                "Pods whose rendered configuration changes are replaced by a rolling update. The chart's own ownership"
                " hook is not run."
            )


def _ownership_interrupts(action: ChangeOwnership) -> str:
    limits = ""
    if action.placement.posix:
        limits = (
            f" The shell program does the work, with these limits: {in_words(action.placement.limits)}."
            " --worker-image names an image that has Python 3.8 or later."
        )
    if action.pod_security in REFUSE_ROOT:
        limits += f" {refused_as_root(action.claim.namespace, enforces(action.pod_security))}"
    who = f"{action.shards} pods of a Job walk" if action.shards > 1 else "A Job's pod walks"
    if action.after_stop:
        return f"The server stays stopped while {who[0].lower()}{who[1:]} the volume.{limits}"
    return f"Nothing is stopped. {who} the volume beside the running server, which costs the storage some load.{limits}"


def undo(action: Action) -> str:
    match action:
        case LabelServiceAccount():
            return "posit-audit undo takes the label away again."
        case ChangeOwnership() if not action.placement.posix or NO_RECORD not in action.placement.limits:
            return (
                "posit-audit undo gives each changed entry back to the owner it had, from a record that is kept on the"
                " volume."
            )
        case ChangeOwnership():
            return f"Not exactly: {IN_WORDS[NO_RECORD]}."
        case ScaleWorkload():
            return f"posit-audit undo sets its replicas back to {action.before}."
        case HandBackFields():
            return "posit-audit undo gives each field back to its manager, with the value that it had if it is shown."
        case PatchValues() | UpgradeRelease():
            return f"posit-audit undo rolls the release back to revision {action.revision}."
