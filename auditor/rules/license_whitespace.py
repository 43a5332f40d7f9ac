from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState, Workload
from auditor.names.shown import key
from auditor.questions.license import plain_keys
from auditor.questions.pod_spec import container

RULE = Rule(
    title="The license key has white space around it",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.LICENSE_SECRETS}),
    wants=frozenset({Facet.WORKLOAD}),
    why="Some images pass the key on without quotes, which drops a trailing line break; newer ones quote it, so that "
    "the same Secret stops working with the next image.",
    remedy="Take the white space out of license.key in the values. A Secret of your own gets none with --from-literal "
    "or printf; echo adds a line break.",
    source="https://github.com/posit-dev/images-connect",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    """License files are left out: theirs is a format of lines, and a last line break belongs to it."""
    for secret in seen(release.license_secrets):
        if secret.source == "key" and any(k.name == secret.key and k.surrounding_whitespace for k in secret.keys):
            yield failed(
                secret.ref,
                f"The license key in {secret.ref} has white space before or after it.",
                Evidence(
                    object=secret.ref,
                    field=f"data.{key(secret.key)}",
                    observed="surrounded by white space",
                    expected="the key alone",
                ),
                fix=Fix(summary=RULE.remedy, safe=False),
            )
    if isinstance(release.workload, Workload):
        server = container(release.workload.pod_spec.reveal(), release.product.container)
        for name, value in plain_keys(release.product, server.get("env")).items():
            if value != value.strip():
                yield failed(
                    release.workload.ref,
                    f"The license key in variable {name} of {release.workload.ref} has white space before or after it.",
                    Evidence(
                        object=release.workload.ref,
                        field=f"containers[{release.product.container}].env {name}",
                        observed="surrounded by white space",
                        expected="the key alone",
                    ),
                    fix=Fix(summary=RULE.remedy, safe=False),
                )
