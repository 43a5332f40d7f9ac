from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, passed, unknown
from auditor.model.ownership import OwnershipProbe
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.names.shown import name
from auditor.questions.events import GROUP_WALK, walking, warnings
from auditor.questions.reowning import repair
from auditor.questions.volumes import any_owner_will_do, looked_at, nothing_wrong, probes, volume_of

RULE = Rule(
    title="Files on the volume belong to another user or group than the server's",
    severity=Severity.ERROR,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.OWNERSHIP}),
    wants=frozenset({Facet.CLAIMS, Facet.VOLUMES, Facet.WORKLOAD, Facet.PODS, Facet.EVENTS, Facet.POD_SECURITY}),
    why="Package Manager can't replace, chmod or delete what another user owns. fsGroup doesn't help: it changes the "
    "group, never the owner. Where the group alone differs the owner still can; the chart's own hook sets both.",
    remedy="Give the wrong entries, and only those, to the user and group that the pod runs as.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/README.md",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for claim, probe in probes(release):
        if isinstance(probe, Unseen):
            walks = warnings(release, reason=GROUP_WALK)
            yield unknown(claim, f"{probe.reason}{walking(walks)}", probe.how)
        elif probe.expected.uid == 0 or probe.for_version:
            yield passed(claim, f"The server runs as root, so no owner on {claim} is wrong for it.")
        elif untroubled := any_owner_will_do(release, claim.name):
            yield passed(claim, untroubled)
        elif probe.wrong:
            yield _wrong(release, probe)
        else:
            yield nothing_wrong(probe)


def _wrong(release: ReleaseState, probe: OwnershipProbe) -> Judgement:
    at_least = "" if probe.exhaustive else "At least "
    right_user = all(wrong.owner.uid == probe.expected.uid for wrong in probe.wrong)
    fault = "have the user but not the group of" if right_user else "do not belong to"
    return failed(
        probe.claim,
        f"{at_least}{probe.wrong_count:,} of {looked_at(probe)} on {probe.claim} {fault} {probe.expected}, as which "
        "the pod runs.",
        *(
            Evidence(
                object=probe.claim,
                field=f"owner of entries below {probe.path}",
                observed=", such as ".join(
                    filter(None, (f"{wrong.owner} owns {wrong.count:,}", ", ".join(map(name, wrong.samples[:3]))))
                ),
                expected=f"{probe.expected} ({probe.expected_because})",
            )
            for wrong in probe.wrong
        ),
        fix=_fix(release, probe),
    )


def _fix(release: ReleaseState, probe: OwnershipProbe) -> Fix:
    volume = volume_of(release, probe.claim.name)
    row = volume.row if volume else None
    if row and row.ownership in ("chown-pointless", "unsuitable"):
        return Fix(summary=f"Ownership can't be changed on {row.title}: {row.instead}.", safe=False)
    try:
        return repair(release, probe, f"Give the wrong entries on {probe.claim} to {probe.expected} with a Job.")
    except NotSeenError as error:
        return Fix(summary=f"{RULE.remedy} No Job can be planned for it: {error.unseen.reason}", safe=False)
