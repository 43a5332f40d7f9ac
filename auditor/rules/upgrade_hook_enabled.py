from __future__ import annotations

from collections.abc import Iterator

from auditor.model.action import ValueEdit
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.values import effective, patch_values, user_set

RULE = Rule(
    title="The chart's ownership hook runs at each upgrade",
    severity=Severity.WARNING,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.HELM, Facet.CLAIMS}),
    why="It walks the whole volume at each upgrade, needs busybox from Docker Hub without tag or pull secret, deletes "
    "license activations, and deadlocks with --wait where the server needs the change of owner to become ready.",
    remedy="Set enableMigration to false once the volume's files have the right owner.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/templates/post-upgrade-chown-job.yaml",
)
_KEY = "enableMigration"


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    if not effective(record, _KEY) or not seen(release.claims):
        return
    if user_set(record, "enableMigrations") is False:
        return  # enable-migrations-misspelled tells it, and mending that turns the hook off.
    edit = ValueEdit(op="set", path=(_KEY,), value=False, reason="the chart's ownership hook")
    yield failed(
        release.object,
        f"Each upgrade of release {release.ref} runs the chart's hook that re-owns the whole volume.",
        Evidence(object=release.object, field=_KEY, observed="on", expected="off"),
        fix=Fix(summary=RULE.remedy, actions=(patch_values(release, edit),), safe=False),
    )
