from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.names.shown import key

RULE = Rule(
    title="The license in the Secret is empty",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.LICENSE_SECRETS}),
    why="The server is given a license that says nothing, and does not activate.",
    remedy="Create the Secret again from the license: a --from-file with a misspelled path in a pipe leaves it empty.",
    source="https://kubernetes.io/docs/tasks/configmap-secret/managing-secret-using-kubectl/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for secret in seen(release.license_secrets):
        if any(one.name == secret.key and one.empty for one in secret.keys):
            yield failed(
                secret.ref,
                f"Key {key(secret.key)} of {secret.ref}, the server's license {secret.source}, is empty.",
                Evidence(object=secret.ref, field=f"data.{key(secret.key)}", observed="empty", expected="the license"),
                fix=Fix(summary=RULE.remedy, safe=False),
            )
