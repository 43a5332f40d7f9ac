from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.kubernetes import ObjectRef
from auditor.model.product import CONTENT_ACCOUNT_LABEL, Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.accounts import accounts_of_content

RULE = Rule(
    title="A service account that content should use does not exist",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONTENT, Facet.SERVICE_ACCOUNTS}),
    why="Kubernetes creates no pod for an account that isn't there, so content that is given it never starts.",
    remedy=f"Create the account in the content's namespace and label it with {CONTENT_ACCOUNT_LABEL}=true, or correct "
    "its name in the values.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    content = required.content(release)
    accounts = {(account.ref.namespace, account.ref.name) for account in seen(release.service_accounts)}
    needed = {use.account for use in content.uses if not use.ended}
    for name, evidence in accounts_of_content(content).items():
        if name in needed and (content.namespace, name) not in accounts:
            object_ = ObjectRef("ServiceAccount", content.namespace, name)
            yield failed(
                object_,
                f"{object_}, which content should run as, does not exist.",
                Evidence(
                    object=object_,
                    field="metadata.name",
                    observed=f"not found; named in {', '.join(evidence)}",
                    expected=name,
                ),
                fix=Fix(summary=RULE.remedy, safe=False),
            )
