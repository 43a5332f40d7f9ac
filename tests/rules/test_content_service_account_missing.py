from msgspec import structs

from auditor.model.finding import Result
from auditor.model.snapshot import AccountUse
from tests.builders import UNSEEN, connect, content, service_account
from tests.rules.judging import only

RULE = "content-service-account-missing"


def test_fails_when_the_named_account_is_not_there() -> None:
    finding = only(RULE, connect(content=content(("gone", "values x"))))
    assert (finding.result, finding.object.name) == (Result.FAILED, "gone")
    assert "values x" in finding.evidence[0].observed


def test_fails_when_it_is_in_another_namespace_only() -> None:
    where = content(("runner", "x"), namespace="content")
    accounts = (service_account("runner"),)
    finding = only(RULE, connect(content=where, service_accounts=accounts))
    assert (finding.result, finding.object.namespace) == (Result.FAILED, "content")


def test_passes_over_an_account_that_went_with_the_content_that_had_it() -> None:
    past = AccountUse(account="gone", evidence="Job posit/report-17", ended=True)
    used = content(("default", "content pods get the namespace default"))
    accounts = (service_account("default"),)
    for uses, result in (((past,), Result.PASSED), ((past, AccountUse(account="gone", evidence="x")), Result.FAILED)):
        state = connect(content=structs.replace(used, uses=used.uses + uses), service_accounts=accounts)
        assert only(RULE, state).result is result


def test_passes_when_it_is_there() -> None:
    assert only(RULE, connect()).result is Result.PASSED


def test_cannot_tell_without_seeing_accounts() -> None:
    assert only(RULE, connect(service_accounts=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_without_the_configuration() -> None:
    assert only(RULE, connect(content=UNSEEN)).result is Result.UNKNOWN
