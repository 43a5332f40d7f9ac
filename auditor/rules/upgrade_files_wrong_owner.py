"""Told only with `--to`, and only of a Package Manager that runs as root and will not any more."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, passed, unknown
from auditor.model.ownership import entries
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions.required import target_of
from auditor.questions.upgrading import owner_changes
from auditor.questions.volumes import any_owner_will_do, nothing_wrong, probe_of

RULE = Rule(
    title="Files will belong to another user or group than the server's after the upgrade",
    severity=Severity.ERROR,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.HELM, Facet.WORKLOAD, Facet.CLAIMS, Facet.OWNERSHIP}),
    wants=frozenset({Facet.CHART_VERSION, Facet.VOLUMES}),
    why="Charts from 0.4.0 on run Package Manager as 999:999, and what root wrote before stays root's: the server "
    "starts and can't write. The chart's own hook is off by default since 0.5.44.",
    remedy="Stop the server, give the files to the new owner, upgrade, start it: posit-audit fix --to plans that.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/NEWS.md",
    upgrade=True,
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    target = target_of(release)
    if target.failed:
        yield unknown(
            release.object,
            f"The upgrade of release {release.ref} to chart {target.version} failed, and whose its files must be is not"
            " known before it is rolled back or made again.",
            "See release-failed, and look again after that.",
        )
        return
    if target.reached or not owner_changes(release, target):
        return
    for claim in seen(release.claims):
        if not claim.exists:
            continue
        if untroubled := any_owner_will_do(release, claim.ref.name):
            yield passed(claim.ref, untroubled)
            continue
        probe = probe_of(release, claim.ref.name)
        if not probe.wrong:
            yield nothing_wrong(probe)
            continue
        at_least = "" if probe.exhaustive else "at least "
        yield failed(
            claim.ref,
            f"Chart {target.version} runs Package Manager as {probe.expected}, and {at_least}{probe.wrong_count:,} of "
            f"{entries(probe.seen)} on {claim.ref} belong to somebody else.",
            *(
                Evidence(
                    object=claim.ref,
                    field=f"owner of entries below {probe.path}",
                    observed=f"{wrong.owner} owns {wrong.count:,}",
                    expected=f"{probe.expected}, {probe.expected_because}",
                )
                for wrong in probe.wrong
            ),
            fix=Fix(summary=RULE.remedy, follows="chart-not-at-target"),
        )
