from __future__ import annotations

from collections.abc import Iterator

from auditor.model.action import ValueEdit
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, seen
from auditor.model.snapshot import Facet, LicenseSecret, ReleaseState
from auditor.names.shown import key, name
from auditor.questions.license import file_key
from auditor.questions.values import patch_values

RULE = Rule(
    title="The license Secret lacks the key that the server asks for",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.LICENSE_SECRETS}),
    wants=frozenset({Facet.HELM}),
    why="The start script goes on without a license and without a word when the file that it looks for is not there.",
    remedy="Set license.file.secretKey to the key that the Secret has.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-connect/values.yaml",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for secret in seen(release.license_secrets):
        names = [one.name for one in secret.keys]
        if secret.exists and secret.key not in names:
            yield failed(
                secret.ref,
                f"{secret.ref} has no key {key(secret.key)}, which the server takes its license {secret.source} from.",
                Evidence(
                    object=secret.ref,
                    field="data",
                    observed=", ".join(map(key, names)) or "no keys",
                    expected=key(secret.key),
                ),
                fix=_fix(release, secret),
            )


def _fix(release: ReleaseState, secret: LicenseSecret) -> Fix:
    """Only for a file, and only where nobody could mean another key."""
    found = file_key(one.name for one in secret.keys if not one.empty)
    by_hand = Fix(summary=f"{RULE.remedy} Or put the license into the Secret as {key(secret.key)}.", safe=False)
    if secret.source != "file" or not found or name(secret.ref.name) != secret.ref.name:  # a plan names the Secret
        return by_hand
    edit = ValueEdit(
        op="set",
        path=("license", "file", "secretKey"),
        value=key(found),
        key_of=secret.ref,
        reason=f"the key that Secret {name(secret.ref.name)} has",
    )
    try:
        return Fix(summary=f"Set license.file.secretKey to {key(found)}.", actions=(patch_values(release, edit),))
    except NotSeenError:
        return by_hand
