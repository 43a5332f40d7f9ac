from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.names.shown import key, name

RULE = Rule(
    title="The Secret that should hold the license does not exist",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.LICENSE_SECRETS}),
    why="A pod that mounts a missing Secret stays in ContainerCreating; one that runs already does not come back.",
    remedy="Create the Secret from the license file, or correct license.file.secret.",
    source="https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for secret in seen(release.license_secrets):
        if not secret.exists:
            yield failed(
                secret.ref,
                f"{secret.ref}, from which the server takes its license {secret.source}, does not exist.",
                Evidence(
                    object=secret.ref, field="metadata.name", observed="not found", expected=name(secret.ref.name)
                ),
                fix=Fix(
                    summary=f"{RULE.remedy} To create it: kubectl --namespace {secret.ref.namespace} create secret "
                    f"generic {name(secret.ref.name)} --from-file={key(secret.key)}=FILE",
                    safe=False,
                ),
            )
