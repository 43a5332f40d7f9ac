"""Told only with `--to`. The plan of its fix holds the whole way: values, owners, the chart itself."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, passed
from auditor.model.helm import HelmStatus
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.upgrading import upgrade_fix

RULE = Rule(
    title="The release is not at the chart version that was asked for",
    severity=Severity.INFO,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM, Facet.WORKLOAD}),
    wants=frozenset(
        {Facet.CHART_VERSION, Facet.CLAIMS, Facet.VOLUMES, Facet.PODS, Facet.OWNERSHIP, Facet.POD_SECURITY}
    ),
    why="An upgrade refuses, moves and ignores values and may change the user that owns the files; done in the wrong "
    "order it leaves a server that can't read its own data.",
    remedy="Let posit-audit fix --to plan it: the values migrated, the files given to their new owner while nothing "
    "writes, then the chart.",
    source="https://github.com/rstudio/helm/tree/main/charts",
    upgrade=True,
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    target = required.target_of(release)
    record = required.helm_record(release)
    if target.reached and record.status is HelmStatus.FAILED:
        yield failed(
            release.object,
            f"Revision {record.revision} of release {release.ref} has chart {target.version} and failed.",
            Evidence(
                object=release.object,
                field="info.status",
                observed=str(record.status),
                expected=str(HelmStatus.DEPLOYED),
            ),
            fix=Fix(summary="Roll back, then upgrade again.", safe=False, follows="release-failed"),
        )
        return
    if target.reached:
        yield passed(release.object, f"Release {release.ref} is at chart {target.version}.")
        return
    counts = [
        f"{len(found)} {what}"
        for effect, what in (("fails", "refused"), ("changes", "changed"), ("ignored", "ignored"))
        if (found := target.findings(effect))
    ]
    told = f"; of its keys, {', '.join(counts)}" if counts else "; no key of its values minds"
    yield failed(
        release.object,
        f"Release {release.ref} is at chart {target.present}, and {target.version} is asked for{told}.",
        Evidence(object=release.object, field="chart version", observed=target.present, expected=target.version),
        fix=upgrade_fix(release, target),
    )
