"""A service account that another field manager applies is labelled, keeps the label and loses it by undo, on a real
API server: only that knows what its managedFields come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.actions import label_service_account
from auditor.apply.journal import Journal
from auditor.apply.progress import Silent
from auditor.apply.run import apply, dry_run
from auditor.apply.tools import Tools, open_tools
from auditor.apply.undo import undo
from auditor.cluster.connect import connect
from auditor.errors import PlanIsStale, PlanRefused
from auditor.model.action import LabelServiceAccount
from auditor.model.kubernetes import SERVICE_ACCOUNTS
from auditor.model.outcome import Outcome, State
from auditor.model.plan import Plan
from auditor.model.product import CONTENT_ACCOUNT_LABEL as LABEL
from auditor.settings import ClusterSettings
from tests.steps import label, planned, wanting

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
MANAGER = "templates"
EMPTY: dict[str, Any] = {"labels": {}}
NONE: dict[str, Any] = {}
SAME: dict[str, Any] = {"labels": {LABEL: "true"}}


@pytest.fixture
def tools(kubeconfig: Path, tmp_path: Path) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig))), values_folder=tmp_path) as opened:
        yield opened


@dataclass
class Account:
    """A service account that a manager of templates applies."""

    namespace: str
    kubectl: Run
    tools: Tools
    folder: Path
    name: str = "content"

    def applied(self, metadata: dict[str, Any], *flags: str, check: bool = True) -> str:
        whole = {"name": self.name, "namespace": self.namespace, **metadata}
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": whole}
        manager = ("--server-side", f"--field-manager={MANAGER}", *flags)
        return self.kubectl("apply", *manager, "-f", "-", input=json.dumps(body), check=check)

    def body(self) -> dict[str, Any]:
        found = self.kubectl(
            "get", "serviceaccount", self.name, "-n", self.namespace, "-o", "json", "--show-managed-fields"
        )
        return json.loads(found)

    def labels(self) -> dict[str, str]:
        return self.body()["metadata"].get("labels") or {}

    def change(self, *arguments: str) -> str:
        return self.kubectl(*arguments, "-n", self.namespace)

    def action(self) -> LabelServiceAccount:
        metadata = self.body()["metadata"]
        return label(self.name, self.namespace, uid=metadata["uid"], resource_version=metadata["resourceVersion"])

    def labelled(self) -> tuple[Journal, Outcome]:
        made = planned(wanting(self.action()))
        plan = Plan(server=self.tools.server, context=made.context, steps=made.steps)
        dry_run(plan, self.tools)
        journal = Journal.create(plan, self.folder)
        (outcome,) = apply(plan, self.tools, journal, Silent())
        return journal, outcome

    def undone(self, journal: Journal) -> Outcome:
        (outcome,) = undo(Journal.open(journal.path), self.tools)
        return outcome


@pytest.fixture
def account(kubectl: Run, namespace: str, tools: Tools, tmp_path: Path) -> Account:
    return Account(namespace, kubectl, tools, tmp_path)


@pytest.mark.parametrize("before", [EMPTY, NONE, {"labels": {"team": "data"}}], ids=["empty", "none", "another"])
def test_an_account_that_is_applied_by_a_template_is_labelled_and_loses_our_key_alone(
    account: Account, before: dict[str, Any]
) -> None:
    account.applied(before)
    journal, outcome = account.labelled()
    assert outcome.state is State.DONE, outcome.message
    assert account.labels() == {**before.get("labels", {}), LABEL: "true"}
    assert account.undone(journal).state is State.DONE
    assert account.labels() == before.get("labels", {})


@pytest.mark.parametrize("before", [EMPTY, NONE], ids=["empty", "none"])
@pytest.mark.parametrize("again", [EMPTY, NONE, SAME], ids=["empty", "none", "same"])
def test_the_label_stays_when_the_template_is_applied_again(
    account: Account, before: dict[str, Any], again: dict[str, Any]
) -> None:
    account.applied(before)
    journal, _ = account.labelled()
    account.applied(again)
    assert account.labels() == {LABEL: "true"}
    taken = account.undone(journal)
    if again is SAME:
        assert (taken.state, account.labels()) == (State.REFUSED, {LABEL: "true"})
        assert f"by field manager {MANAGER} since" in taken.message
    else:
        assert (taken.state, account.labels()) == (State.DONE, {})


def test_the_account_that_kubernetes_makes_for_each_namespace_is_labelled(account: Account) -> None:
    """The API server keeps no managers for it, as it is made without a field; from our label on it does."""
    account.name = "default"
    assert "managedFields" not in account.body()["metadata"]
    journal, outcome = account.labelled()
    assert (outcome.state, account.labels()) == (State.DONE, {LABEL: "true"})
    account.applied(EMPTY)
    assert account.undone(journal).state is State.DONE
    assert account.labels() == {}
    journal, outcome = account.labelled()
    for change in (f"{LABEL}-", f"{LABEL}=true"):
        account.change("label", "serviceaccount", "default", change)
    assert account.undone(journal).state is State.REFUSED
    assert account.labels() == {LABEL: "true"}


def test_a_label_that_a_template_took_over_with_another_value_stays(account: Account) -> None:
    account.applied(EMPTY)
    journal, _ = account.labelled()
    account.applied({"labels": {LABEL: "mine"}}, "--force-conflicts")
    taken = account.undone(journal)
    assert (taken.state, account.labels()) == (State.REFUSED, {LABEL: "mine"})
    assert f"to another value by field manager {MANAGER}" in taken.message


def test_an_account_that_an_earlier_version_applied_the_label_to_loses_it(account: Account) -> None:
    """It used server-side apply, and its journals are still there to be undone."""
    account.applied(NONE)
    action = account.action()
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "content", "labels": {LABEL: "true"}}}
    earlier = ("--server-side", "--field-manager=posit-audit", "-n", account.namespace)
    account.kubectl("apply", *earlier, "-f", "-", input=json.dumps(body))
    made = planned(wanting(action))
    plan = Plan(server=account.tools.server, context=made.context, steps=made.steps)
    journal = Journal.create(plan, account.folder)
    journal.intent(plan.steps[0])
    assert account.undone(journal).state is State.DONE
    assert account.labels() == {}


def test_a_label_that_is_no_longer_recorded_as_ours_stays_and_is_reported(account: Account) -> None:
    """Another client can strip managedFields."""
    account.applied(EMPTY)
    journal, _ = account.labelled()
    account.change("patch", "serviceaccount", "content", "--type=merge", "-p", '{"metadata":{"managedFields":[{}]}}')
    assert "managedFields" not in account.body()["metadata"]
    taken = account.undone(journal)
    assert (taken.state, account.labels()) == (State.REFUSED, {LABEL: "true"})
    assert "kubectl label serviceaccount content" in taken.message


def test_an_account_that_changes_between_plan_and_patch_is_stale(account: Account) -> None:
    """The API server itself compares: between our look and our patch another client can be faster."""
    account.applied(EMPTY)
    action = account.action()
    account.change("annotate", "serviceaccount", "content", "note=x")
    with pytest.raises(PlanIsStale, match="was changed since the plan was made"):
        label_service_account.act(action, account.tools, lambda _: None)
    with pytest.raises(PlanRefused):
        label_service_account.check(action, account.tools)
    account.change("delete", "serviceaccount", "content")
    with pytest.raises(PlanIsStale, match="no longer exists"):
        label_service_account.act(action, account.tools, lambda _: None)
    account.applied(EMPTY)
    with pytest.raises(PlanIsStale, match="created again"):
        label_service_account.act(action, account.tools, lambda _: None)
    assert account.labels() == {}


def test_the_answer_to_a_patch_that_was_made_can_be_lost(account: Account) -> None:
    """The same request once more is a conflict with itself."""
    account.applied(EMPTY)
    action = account.action()
    metadata = {"uid": action.uid, "resourceVersion": action.resource_version, "labels": {LABEL: "true"}}
    account.tools.writer.patch(SERVICE_ACCOUNTS, account.namespace, "content", {"metadata": metadata})
    assert label_service_account.act(action, account.tools, lambda _: None).state is State.DONE
