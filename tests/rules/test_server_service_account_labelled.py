from auditor.model.finding import Result
from tests.builders import UNSEEN, connect, content, service_account
from tests.rules.judging import fix_of, only

RULE = "server-service-account-labelled"
LABELLED = (service_account("rstudio-connect", labelled=True),)


def test_fails_when_content_may_take_the_servers_account() -> None:
    finding = only(RULE, connect(service_accounts=LABELLED))
    assert finding.result is Result.FAILED
    assert fix_of(finding).actions == ()
    assert "connect.posit.co/service-account-" in fix_of(finding).summary


def test_passes_when_only_other_accounts_carry_the_label() -> None:
    assert only(RULE, connect()).result is Result.PASSED


def test_passes_when_content_runs_in_another_namespace() -> None:
    elsewhere = content(("content", "x"), namespace="content")
    assert only(RULE, connect(service_accounts=LABELLED, content=elsewhere)).result is Result.PASSED


def test_cannot_tell_without_seeing_accounts() -> None:
    assert only(RULE, connect(service_accounts=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, connect(service_accounts=LABELLED, workload=None)).result is Result.UNKNOWN
