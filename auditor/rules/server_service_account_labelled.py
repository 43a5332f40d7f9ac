from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import CONTENT_ACCOUNT_LABEL, Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.accounts import is_servers_own

RULE = Rule(
    title="Content may run as the Connect server's own service account",
    severity=Severity.WARNING,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONTENT, Facet.SERVICE_ACCOUNTS, Facet.WORKLOAD}),
    why="The label offers the account to whoever publishes content. The server's account may create Jobs and enter "
    "pods: content that runs as it reaches all other content.",
    remedy="Take the label away from the server's account and give content an account of its own.",
    source="https://docs.posit.co/connect/admin/appendix/off-host/service-accounts/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    namespace = required.content(release).namespace
    for account in seen(release.service_accounts):
        # Only accounts of the content's namespace are offered.
        offered = account.ref.namespace == namespace and CONTENT_ACCOUNT_LABEL in account.labels
        if offered and is_servers_own(release, account.ref):
            yield failed(
                account.ref,
                f"{account.ref}, which the Connect server runs as, carries the label {CONTENT_ACCOUNT_LABEL}.",
                Evidence(
                    object=account.ref,
                    field="metadata.labels",
                    observed=CONTENT_ACCOUNT_LABEL,
                    expected="without that key; its value is not looked at",
                ),
                fix=Fix(
                    summary=f"{RULE.remedy} To take it away: kubectl --namespace {account.ref.namespace} label "
                    f"serviceaccount {account.ref.name} {CONTENT_ACCOUNT_LABEL}-",
                    safe=False,
                ),
            )
