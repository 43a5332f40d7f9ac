"""Posit's own texts differ on what happens without the label: content is refused, or gets the namespace's default
account instead. So the message says what is sure: the direct runner doesn't offer the account."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.action import LabelServiceAccount
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import CONTENT_ACCOUNT_LABEL, Product
from auditor.model.seen import seen
from auditor.model.snapshot import Content, Facet, ReleaseState, ServiceAccount
from auditor.questions import required
from auditor.questions.accounts import accounts_of_content, is_servers_own, servers_account

RULE = Rule(
    title="A service account that content uses lacks the label",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONTENT, Facet.SERVICE_ACCOUNTS, Facet.WORKLOAD}),
    why="The direct runner finds accounts for content by this label alone. Without it content does not start, or runs "
    "as another account than the one that it was given. The Launcher needs no label; it is missed there once the "
    "direct runner, the default from chart 0.20.1 on, starts the content.",
    remedy=f"Label the account with {CONTENT_ACCOUNT_LABEL}=true; never the account of the Connect server itself.",
    source="https://docs.posit.co/connect/admin/appendix/off-host/service-accounts/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    content = required.content(release)
    accounts = {(a.ref.namespace, a.ref.name): a for a in seen(release.service_accounts)}
    for name, evidence in accounts_of_content(content).items():
        account = accounts.get((content.namespace, name))
        if account is None or CONTENT_ACCOUNT_LABEL in account.labels:
            continue  # A missing account is told by content-service-account-missing.
        yield failed(
            account.ref,
            f"{account.ref}, which content runs as{_by(content)}, does not carry the label {CONTENT_ACCOUNT_LABEL}.",
            Evidence(
                object=account.ref,
                field="metadata.labels",
                observed=f"without it; the account is named in {', '.join(evidence)}",
                expected=f"{CONTENT_ACCOUNT_LABEL}, with any value",
            ),
            *_written_by(account),
            fix=_fix(release, account),
        )


def _written_by(account: ServiceAccount) -> Iterator[Evidence]:
    """Which tool to look at if the label was there before: what replaces the whole account removes it again."""
    if account.last_manager:
        yield Evidence(
            object=account.ref,
            field="metadata.managedFields",
            observed=f"written last by field manager {account.last_manager}",
            expected="a manager that keeps the label, or sets it itself",
        )


def _by(content: Content) -> str:
    return " through the Launcher until the direct runner starts it" if content.mode == "launcher" else ""


def _fix(release: ReleaseState, account: ServiceAccount) -> Fix:
    if is_servers_own(release, account.ref):
        return Fix(
            summary="It is also the account of the Connect server, whose rights content must not have: give content an "
            "account of its own in backends.kubernetes.defaultResourceJobBase, and label that.",
            safe=False,
        )
    label = LabelServiceAccount(
        account=account.ref,
        key=CONTENT_ACCOUNT_LABEL,
        uid=account.uid,
        resource_version=account.resource_version,
        servers=(servers_account(release),),
    )
    return Fix(summary=f"Label {account.ref} with {CONTENT_ACCOUNT_LABEL}=true.", actions=(label,))
