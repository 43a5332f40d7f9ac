"""Removes fields from the managedFields entries of those who hold them, so that Helm can set them. No value changes.

Undo gives each field back to its manager, with the value that it had if Helm set another one since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply import managed_fields
from auditor.apply.effect import Effect
from auditor.apply.found_again import in_object
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import NotFound, PlanIsStale, PlanRefused
from auditor.model.action import HandBackFields
from auditor.model.held import HeldField
from auditor.model.kubernetes import CHART_OBJECTS, Access, Resource, chart_object
from auditor.model.outcome import State
from auditor.names.fields import field
from auditor.questions.managed_fields import HELM, value_at

ACCESS: tuple[Access, ...] = tuple(Access(resource, ("get", "patch")) for resource in CHART_OBJECTS)


def check(action: HandBackFields, tools: Tools) -> str:
    body = _planned(action, tools)
    if not _held(action, body):
        return f"No other manager holds {_fields(action)} of {action.object} any more."
    return ""


def rehearse(action: HandBackFields, tools: Tools) -> None:
    body = _planned(action, tools)
    entries = managed_fields.handed_back(body, _whole(action, body))
    managed_fields.patch(tools, _resource(action), body, entries, dry_run=True)


def act(action: HandBackFields, tools: Tools, tick: Tick) -> Effect:
    tick({"note": f"handing back fields of {action.object}"})

    def change(body: Mapping[str, Any]) -> managed_fields.Entries | None:
        _refuse_if_changed(action, body)
        return managed_fields.handed_back(body, _whole(action, body))

    managed_fields.edit(tools, _resource(action), _get(action, tools), change)
    return Effect(State.DONE, f"{_fields(action)} of {action.object} handed back to Helm.")


def undo(action: HandBackFields, tools: Tools, tick: Tick) -> Effect:
    tick({"note": f"giving fields of {action.object} to their managers again"})
    try:
        body = _get(action, tools)
    except NotFound:
        return Effect(State.ALREADY, f"{action.object} no longer exists.")
    if body["metadata"]["uid"] != action.uid:
        return Effect(State.ALREADY, f"{action.object} was deleted and re-created; the new one is left alone.")
    away = [held for held in _whole(action, body) if not managed_fields.holds(body, held)]
    if not away:
        return Effect(State.ALREADY, f"{_fields(action)} of {action.object} are held as before.")
    for held in away:
        _refuse_if_taken(held, body)
    for held in away:
        body = _as_it_was(held, body, tools, _resource(action))
    return Effect(State.DONE, f"{_fields(action)} of {action.object} given back to {_managers(action)}.")


def _refuse_if_taken(held: HeldField, body: Mapping[str, Any]) -> None:
    """Values that are not shown are not in the plan, and can't be compared."""
    now = value_at(body, held.path)
    if held.shown and now not in (held.observed, held.expected):
        raise PlanRefused(
            f"{field(held)} of {held.object} was set to another value by another client since; it stays as it is."
        )


def _as_it_was(held: HeldField, body: Mapping[str, Any], tools: Tools, resource: Resource) -> Mapping[str, Any]:
    """A value in an item of a list stays: only a list as a whole could be set."""

    def with_its_value(now: Mapping[str, Any]) -> Mapping[str, Any]:
        _refuse_if_taken(held, now)
        if value_at(now, held.path) == held.observed:
            return now
        value: Any = held.observed
        for key in reversed(held.path):
            value = {key.removeprefix("f:"): value}
        metadata = {"uid": now["metadata"]["uid"], "resourceVersion": now["metadata"]["resourceVersion"]}
        changed = {**value, "metadata": {**value.get("metadata", {}), **metadata}}
        return tools.writer.patch(resource, held.object.namespace, held.object.name, changed)

    if held.shown and all(key.startswith("f:") for key in held.path):
        body = managed_fields.retried(tools, resource, body, with_its_value)
    return managed_fields.edit(tools, resource, body, lambda now: managed_fields.given_again(now, held))


def _planned(action: HandBackFields, tools: Tools) -> Mapping[str, Any]:
    try:
        body = _get(action, tools)
    except NotFound:
        raise PlanIsStale(f"{action.object} no longer exists.", hint="Plan again.") from None
    _refuse_if_changed(action, body)
    return body


def _refuse_if_changed(action: HandBackFields, body: Mapping[str, Any]) -> None:
    if body["metadata"]["uid"] != action.uid:
        raise PlanIsStale(f"{action.object} was deleted and re-created since the plan was made.", hint="Plan again.")
    for held in _held(action, body):
        if held.shown and value_at(body, held.path) != held.observed:
            raise PlanIsStale(
                f"{field(held)} of {action.object} has another value than when the plan was made.", hint="Plan again."
            )


def _held(action: HandBackFields, body: Mapping[str, Any]) -> list[HeldField]:
    return [held for held in _whole(action, body) if managed_fields.holds(body, held)]


def _whole(action: HandBackFields, body: Mapping[str, Any]) -> list[HeldField]:
    """With the names that the plan does not hold."""
    return [in_object(held, body) for held in action.fields]


def _get(action: HandBackFields, tools: Tools) -> Mapping[str, Any]:
    return tools.reader.get(_resource(action), action.object.namespace, action.object.name)


def _resource(action: HandBackFields) -> Resource:
    found = chart_object(action.fields[0].api_version, action.object.kind)
    if found is None:
        raise PlanRefused(f"{action.object} is no object of the charts; its managedFields are left alone.")
    return found


def _fields(action: HandBackFields) -> str:
    return ", ".join(map(field, action.fields))


def _managers(action: HandBackFields) -> str:
    return ", ".join(sorted({held.manager for held in action.fields} - {HELM[0]})) or HELM[0]
