"""Adds one label to a service account, and removes exactly that one.

By a JSON merge patch and not by server-side apply: a manager that applied `labels: {}` holds the map itself, and to
apply one key in it is a conflict with that manager. The patch sets the key and leaves the map to its manager.

But the API server records no manager of an object that has none, as a namespace's own account `default`. To apply
begins that record, so that undo knows whose the label is, and there is no manager to be in conflict with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.apply import guards
from auditor.apply.effect import Effect
from auditor.apply.field_managers import is_ours_alone, managers_of_label, others
from auditor.apply.progress import Tick
from auditor.apply.tools import Tools
from auditor.errors import ActionFailed, Conflict, Forbidden, NotFound, PlanIsStale, PlanRefused
from auditor.model.action import LabelServiceAccount
from auditor.model.kubernetes import DEPLOYMENTS, JOBS, LOCAL_ACCESS_REVIEWS, SERVICE_ACCOUNTS, Access
from auditor.model.outcome import State
from auditor.questions.accounts import of_kubernetes

ACCESS: tuple[Access, ...] = (
    Access(SERVICE_ACCOUNTS, ("get", "patch")),
    Access(DEPLOYMENTS, ("list",)),
    Access(LOCAL_ACCESS_REVIEWS, ("create",)),
)
_CONTENT = Access(JOBS, ("create",))
"""What a server is allowed to do where its content runs: the direct runner and the Launcher start content as Jobs
(rstudio/helm, charts/rstudio-connect/templates/rbac.yaml and charts/rstudio-library/templates/_rbac.tpl)."""


def check(action: LabelServiceAccount, tools: Tools) -> str:
    deployments = tools.reader.list(DEPLOYMENTS, action.account.namespace)
    refusal = of_kubernetes(action.account) or guards.servers_own_account(action, deployments)
    if refusal:
        raise PlanRefused(refusal)
    _check_reach(action, tools)
    account = _account(action, tools)
    if account is None:
        raise _stale(action, "no longer exists")
    if account["metadata"]["uid"] != action.uid:
        raise _stale(action, "was deleted and created again since the plan was made")
    if _labels(account).get(action.key) == action.value:
        return f"{action.account} carries the label."
    if account["metadata"]["resourceVersion"] != action.resource_version:
        raise _stale(action, "was changed since the plan was made")
    return ""


def _check_reach(action: LabelServiceAccount, tools: Tools) -> None:
    """Who writes a server's configuration can name any namespace in it. Who may start Jobs in the account's namespace
    could run as the account without us. Raises PlanRefused."""
    namespace = action.account.namespace
    if action.vouched or any(server.namespace == namespace for server in action.servers):
        return
    unsafe = "If content must run there, --unsafe labels the account."
    for server in action.servers:
        try:
            if tools.reader.granted(server, _CONTENT, "create", namespace):
                return
        except Forbidden as error:
            raise PlanRefused(
                f"Whether {server} is allowed to run content in namespace {namespace} is unknown: {error.message}",
                hint=f"Grant that permission, or: {unsafe}",
            ) from None
    if not action.servers:
        raise PlanIsStale(f"The plan does not say whose content runs as {action.account}.", hint="Plan again.")
    raise PlanRefused(
        f"{', '.join(map(str, action.servers))} may not create jobs in namespace {namespace}, so content can't run"
        f" there, although Connect's configuration says so: {action.account} is not labelled.",
        hint=unsafe,
    )


def rehearse(action: LabelServiceAccount, tools: Tools) -> None:
    _add(action, tools, dry_run=True)


def act(action: LabelServiceAccount, tools: Tools, tick: Tick) -> Effect:
    tick({"note": f"labelling {action.account}"})
    try:
        labelled = _add(action, tools)
    except NotFound:
        raise _stale(action, "no longer exists") from None
    except Conflict:
        labelled = _after_conflict(action, tools)
    if _labels(labelled).get(action.key) != action.value:
        raise ActionFailed(f"{action.account} was patched and lacks the label: something in the cluster removes it.")
    return Effect(State.DONE, f"Label {action.key}={action.value} added.")


def undo(action: LabelServiceAccount, tools: Tools, tick: Tick) -> Effect:
    tick({"note": f"removing the label from {action.account}"})
    account = _account(action, tools)
    if account is None:
        return Effect(State.ALREADY, f"{action.account} no longer exists.")
    if account["metadata"]["uid"] != action.uid:
        return Effect(
            State.ALREADY, f"{action.account} was deleted and created again since; the new one is left alone."
        )
    found = _labels(account).get(action.key)
    if found is None:
        return Effect(State.ALREADY, f"{action.account} no longer carries the label.")
    if found != action.value or not is_ours_alone(account, action.key):
        raise _set_since(action, account, found)
    try:
        left = _patch(action, account["metadata"]["resourceVersion"], None, tools)
    except NotFound:
        return Effect(State.ALREADY, f"{action.account} no longer exists.")
    except Conflict as conflict:
        # A request whose answer was lost is sent again, and is refused for what it did itself.
        left = _account(action, tools) or {"metadata": {}}
        if left["metadata"].get("uid") == action.uid and action.key in _labels(left):
            raise PlanRefused(
                f"{conflict.message} {action.account} was changed while the label was removed; it stays.",
                hint="Run undo again.",
            ) from None
    if action.key in _labels(left):
        raise PlanRefused(f"The label {action.key} of {action.account} was set again at once; it stays.")
    return Effect(State.DONE, f"Label {action.key} removed.")


def _set_since(action: LabelServiceAccount, account: Mapping[str, Any], found: str) -> PlanRefused:
    """Since our label the API server recorded us as its manager. If that is gone, another client set the label, or
    stripped the record: nobody can tell."""
    holders = others(managers_of_label(account, action.key))
    by = f"field manager {', '.join(holders)}" if holders else "another client"
    value = "" if found == action.value else " to another value"
    removing = f"kubectl label serviceaccount {action.account.name} {action.key}- -n {action.account.namespace}"
    return PlanRefused(
        f"The label {action.key} of {action.account} was set{value} by {by} since; it stays.",
        hint=f"To remove it all the same: {removing}",
    )


def _account(action: LabelServiceAccount, tools: Tools) -> Mapping[str, Any] | None:
    try:
        return tools.reader.get(SERVICE_ACCOUNTS, action.account.namespace, action.account.name)
    except NotFound:
        return None


def _after_conflict(action: LabelServiceAccount, tools: Tools) -> Mapping[str, Any]:
    """The account, if the conflict is with our own change: a request whose answer was lost is sent again, and is
    refused for what it did itself. Raises PlanIsStale otherwise."""
    account = _account(action, tools)
    if account is None:
        raise _stale(action, "no longer exists")
    if account["metadata"]["uid"] != action.uid:
        raise _stale(action, "was deleted and created again since the plan was made")
    if _labels(account).get(action.key) == action.value and is_ours_alone(account, action.key):
        return account
    raise _stale(action, "was changed since the plan was made")


def _add(action: LabelServiceAccount, tools: Tools, *, dry_run: bool = False) -> Mapping[str, Any]:
    """Raises PlanIsStale, NotFound and Conflict."""
    account = _account(action, tools)
    if account is None:
        raise _stale(action, "no longer exists")
    if account["metadata"].get("managedFields"):
        return _patch(action, action.resource_version, action.value, tools, dry_run=dry_run)
    named = {"namespace": action.account.namespace, "name": action.account.name}
    metadata = {**named, **_metadata(action, action.resource_version, action.value)}
    return tools.writer.apply(SERVICE_ACCOUNTS, {"metadata": metadata}, dry_run=dry_run)


def _patch(
    action: LabelServiceAccount, resource_version: str, value: str | None, tools: Tools, *, dry_run: bool = False
) -> Mapping[str, Any]:
    """The account afterwards; `value` None removes the key."""
    body = {"metadata": _metadata(action, resource_version, value)}
    return tools.writer.patch(SERVICE_ACCOUNTS, action.account.namespace, action.account.name, body, dry_run=dry_run)


def _metadata(action: LabelServiceAccount, resource_version: str, value: str | None) -> dict[str, Any]:
    """With uid and resourceVersion the API server itself refuses if the account is another one or was changed."""
    return {"uid": action.uid, "resourceVersion": resource_version, "labels": {action.key: value}}


def _stale(action: LabelServiceAccount, what: str) -> PlanIsStale:
    return PlanIsStale(f"{action.account} {what}.", hint="Plan again.")


def _labels(account: Mapping[str, Any]) -> Mapping[str, str]:
    return account["metadata"].get("labels") or {}
