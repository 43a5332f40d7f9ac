from typing import Any

import msgspec

from auditor.model.action import LabelServiceAccount
from auditor.model.finding import Result
from auditor.model.kubernetes import ObjectRef
from auditor.model.product import CONTENT_ACCOUNT_LABEL
from auditor.model.snapshot import ReleaseState
from tests.builders import CONNECT, UNSEEN, connect, content, service_account
from tests.rules.judging import fix_of, judged, only

RULE = "content-service-account-unlabelled"


def release(*uses: tuple[str, str], accounts: Any, **where: Any) -> ReleaseState:
    return connect(content=content(*uses, **where), service_accounts=accounts)


def test_fails_once_for_each_account_with_all_that_names_it() -> None:
    uses = (("runner", "Job posit/a"), ("runner", "values x"), ("other", "Job posit/b"), ("good", "Job posit/c"))
    accounts = (service_account("runner"), service_account("other"), service_account("good", labelled=True))
    findings = judged(RULE, release(*uses, accounts=accounts))
    assert [(f.result, f.object.name) for f in findings] == [(Result.FAILED, "other"), (Result.FAILED, "runner")]
    assert "Job posit/a, values x" in findings[1].evidence[0].observed


def test_the_manager_that_wrote_the_account_last_is_named_where_it_is_known() -> None:
    """What replaces the account removes the label again: it is that manager's template that needs it."""
    manager = "templates (Apply, 2026-11-30T12:00:00Z)"
    account = msgspec.structs.replace(service_account("runner"), last_manager=manager)
    evidence = only(RULE, release(("runner", "x"), accounts=(account,))).evidence
    assert (evidence[1].field, evidence[1].observed) == (
        "metadata.managedFields",
        f"written last by field manager {manager}",
    )
    assert len(only(RULE, release(("runner", "x"), accounts=(service_account("runner"),))).evidence) == 1


def test_its_fix_labels_the_account_as_it_was_seen() -> None:
    (action,) = fix_of(only(RULE, release(("runner", "x"), accounts=(service_account("runner"),)))).actions
    assert action == LabelServiceAccount(
        account=ObjectRef("ServiceAccount", "posit", "runner"),
        key=CONTENT_ACCOUNT_LABEL,
        uid="runner-uid",
        resource_version="11",
        servers=(ObjectRef("ServiceAccount", "posit", CONNECT.value),),
    )


def test_fails_for_the_namespaces_default_where_content_gets_it() -> None:
    finding = only(RULE, release(("default", "content pods get it"), accounts=(service_account("default"),)))
    assert finding.result is Result.FAILED
    assert fix_of(finding).actions


def test_fails_under_the_launcher_and_says_when_it_matters() -> None:
    finding = only(RULE, release(("runner", "x"), accounts=(service_account("runner"),), mode="launcher"))
    assert finding.result is Result.FAILED
    assert "through the Launcher until the direct runner starts it" in finding.message


def test_the_servers_own_account_is_never_labelled() -> None:
    finding = only(RULE, release(("rstudio-connect", "x"), accounts=(service_account("rstudio-connect"),)))
    assert finding.result is Result.FAILED
    assert fix_of(finding).actions == ()


def test_an_account_named_like_the_servers_in_another_namespace_is_not_the_servers() -> None:
    accounts = (service_account("rstudio-connect", namespace="content"), service_account("rstudio-connect"))
    finding = only(RULE, release(("rstudio-connect", "x"), accounts=accounts, namespace="content"))
    assert finding.object.namespace == "content"
    assert fix_of(finding).actions


def test_passes_when_the_label_has_any_value() -> None:
    labelled = service_account("runner", labelled=True)
    odd = type(labelled)(ref=labelled.ref, uid="u", resource_version="1", labels={CONTENT_ACCOUNT_LABEL: "false"})
    assert only(RULE, release(("runner", "x"), accounts=(odd,))).result is Result.PASSED


def test_passes_over_an_account_that_is_not_there() -> None:
    assert only(RULE, release(("gone", "x"), accounts=())).result is Result.PASSED


def test_passes_when_content_runs_in_the_server() -> None:
    assert only(RULE, release(accounts=(service_account("default"),), mode="local")).result is Result.PASSED


def test_cannot_tell_without_seeing_accounts() -> None:
    assert only(RULE, connect(service_accounts=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_without_the_configuration() -> None:
    assert only(RULE, connect(content=None)).result is Result.UNKNOWN
