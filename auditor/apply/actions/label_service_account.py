"""Adds one label to a service account by server-side apply, so that undo can take back exactly that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply import guards
from auditor.apply.effect import Effect
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.cluster.writer import FIELD_MANAGER
from auditor.errors import ActionFailed, Conflict, NotFound, PlanIsStale, PlanRefused
from auditor.model.action import LabelServiceAccount
from auditor.model.kubernetes import DEPLOYMENTS, SERVICE_ACCOUNTS, Access
from auditor.model.outcome import State

ACCESS: tuple[Access, ...] = (Access(SERVICE_ACCOUNTS, ("get", "patch")), Access(DEPLOYMENTS, ("list",)))


def check(action: LabelServiceAccount, tools: Tools) -> str:
    deployments = tools.reader.list(DEPLOYMENTS, action.account.namespace)
    refusal = guards.servers_own_account(action, deployments)
    if refusal:
        raise PlanRefused(refusal)
    try:
        account = tools.reader.get(SERVICE_ACCOUNTS, action.account.namespace, action.account.name)
    except NotFound:
        raise PlanIsStale(f"{action.account} no longer exists.", hint="Plan again.") from None
    metadata = account["metadata"]
    if metadata["uid"] != action.uid:
        raise PlanIsStale(f"{action.account} was deleted and made anew since the plan was made.", hint="Plan again.")
    if _labels(account).get(action.key) == action.value:
        return f"{action.account} carries the label."
    if metadata["resourceVersion"] != action.resource_version:
        raise PlanIsStale(f"{action.account} was changed since the plan was made.", hint="Plan again.")
    return ""


def rehearse(action: LabelServiceAccount, tools: Tools) -> None:
    tools.writer.apply(SERVICE_ACCOUNTS, _body(action, action.resource_version, _label(action)), dry_run=True)


def act(action: LabelServiceAccount, tools: Tools, tick: Tick) -> Effect:
    tick({"note": f"labelling {action.account}"})
    labelled = _apply(action, action.resource_version, _label(action), tools)
    if _labels(labelled).get(action.key) != action.value:
        raise ActionFailed(f"{action.account} was applied and lacks the label: something in the cluster removes it.")
    return Effect(State.DONE, f"Label {action.key}={action.value} added.")


def undo(action: LabelServiceAccount, tools: Tools, tick: Tick) -> Effect:
    tick({"note": f"taking the label from {action.account}"})
    try:
        account = tools.reader.get(SERVICE_ACCOUNTS, action.account.namespace, action.account.name)
    except NotFound:
        return Effect(State.ALREADY, f"{action.account} no longer exists.")
    if account["metadata"]["uid"] != action.uid:
        return Effect(State.ALREADY, f"{action.account} was deleted and made anew since; the new one is left alone.")
    found = _labels(account).get(action.key)
    if found is None:
        return Effect(State.ALREADY, f"{action.account} no longer carries the label.")
    if found != action.value or not _is_ours(account, action.key):
        raise PlanRefused(f"The label {action.key} of {action.account} was set by somebody else since; it stays.")
    # Applying without the label removes what this field manager owns, and nothing else.
    left = _apply(action, account["metadata"]["resourceVersion"], {}, tools)
    if action.key in _labels(left):
        raise PlanRefused(f"The label {action.key} of {action.account} is held by another field manager too; it stays.")
    return Effect(State.DONE, f"Label {action.key} removed.")


def _apply(
    action: LabelServiceAccount, resource_version: str, labels: Mapping[str, str], tools: Tools
) -> Mapping[str, Any]:
    """The account afterwards. A request whose answer was lost is sent again, and is refused for what it did itself."""
    try:
        return tools.writer.apply(SERVICE_ACCOUNTS, _body(action, resource_version, labels))
    except Conflict as conflict:
        try:
            account = tools.reader.get(SERVICE_ACCOUNTS, action.account.namespace, action.account.name)
        except NotFound:
            raise conflict from None
        if account["metadata"]["uid"] == action.uid and _is_ours(account, action.key) is bool(labels):
            return account
        raise


def _body(action: LabelServiceAccount, resource_version: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """With uid and resourceVersion the API server itself refuses where the account is another or was changed."""
    return {
        "metadata": {
            "namespace": action.account.namespace,
            "name": action.account.name,
            "uid": action.uid,
            "resourceVersion": resource_version,
            **({"labels": labels} if labels else {}),
        }
    }


def _label(action: LabelServiceAccount) -> dict[str, str]:
    return {action.key: action.value}


def _labels(account: Mapping[str, Any]) -> Mapping[str, str]:
    return account["metadata"].get("labels") or {}


def _is_ours(account: Mapping[str, Any], key: str) -> bool:
    for entry in account["metadata"].get("managedFields") or ():
        owned = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get("f:labels", {})
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and f"f:{key}" in owned:
            return True
    return False
