from __future__ import annotations

from collections.abc import Iterator

from auditor import catalog
from auditor.catalog import Chart
from auditor.catalog.situation import Situation
from auditor.model.action import ValueEdit
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.helm import HelmRecord
from auditor.model.keypath import MISSING, split_key
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.names.shown import key
from auditor.questions import required
from auditor.questions.values import patch_values, user_set
from auditor.values.unknown_keys import unknown_keys

RULE = Rule(
    title="A value is set that the chart no longer has",
    severity=Severity.WARNING,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM}),
    why="Helm passes it on and the chart ignores it: what it did before an upgrade is "
    "not done any more, without an error.",
    remedy="Delete the value, or set the one that took its place.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-connect/NEWS.md",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    version = required.chart_version(record)
    chart = catalog.load().chart(record.chart_name)
    now = Situation(user=record.values.reveal(), after={}, before=None, to_version=version)
    for unread in unknown_keys(chart, now, record.defaults.reveal(), told=set()):
        since = chart.gone_since(unread.key, version)
        if since:
            yield failed(
                release.object,
                f"The values of release {release.ref} set {key(unread.key)}, which the chart does not read since"
                f" {since}.",
                Evidence(
                    object=release.object,
                    field=key(unread.key),
                    observed="set",
                    expected=f"not in the values of chart {chart.name} {version}",
                ),
                fix=_fix(release, record, chart, unread.key),
            )


def _fix(release: ReleaseState, record: HelmRecord, chart: Chart, gone: str) -> Fix:
    """A rename makes a value effective that has been idle, so it is not made unasked."""
    changes = chart.changes_between(chart.oldest, record.chart_version)
    to_key = next((row.to_key for row in changes if row.remedy == "renamed" and gone in row.keys), None)
    if to_key and user_set(record, to_key) is MISSING:
        edit = ValueEdit(op="rename", path=split_key(gone), to=split_key(to_key), reason=f"{key(gone)} became {to_key}")
        return Fix(summary=f"Rename {key(gone)} to {to_key}.", actions=(patch_values(release, edit),), safe=False)
    edit = ValueEdit(op="delete", path=split_key(gone), reason="the chart ignores it")
    return Fix(summary=f"Delete {key(gone)}: the chart ignores it.", actions=(patch_values(release, edit),))
