from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.license import plain_keys
from auditor.questions.values import user_set

RULE = Rule(
    title="The license itself stands in the values",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="Helm keeps every revision's values in a Secret of the namespace, and values files end up in repositories and "
    "build logs: whoever reads one of them has the license.",
    remedy="Put the license file into a Secret of your own, name it in license.file.secret, and remove license.key, "
    "license.file.contents and variables with a license in pod.env from the values.",
    source="https://helm.sh/docs/topics/advanced/#storage-backends",
)
_KEYS = ("license.key", "license.file.contents")


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    inline = [key for key in _KEYS if user_set(record, key)]
    inline += [f"pod.env {name}" for name in plain_keys(release.product, user_set(record, "pod.env"))]
    if inline:
        yield failed(
            release.object,
            f"The values of release {release.ref} hold the license itself ({' and '.join(inline)}).",
            *(Evidence(object=release.object, field=key, observed="set", expected="not set") for key in inline),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
