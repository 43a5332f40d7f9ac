from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions.reowning import repair
from auditor.questions.volumes import probes

RULE = Rule(
    title="License activations by root are left on the volume",
    severity=Severity.WARNING,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.OWNERSHIP}),
    wants=frozenset({Facet.CLAIMS, Facet.VOLUMES, Facet.WORKLOAD, Facet.PODS, Facet.POD_SECURITY}),
    why="They were made while Package Manager ran as root and stand in the way of the activation that it makes as "
    "another user. The chart's own upgrade hook deletes them for that reason.",
    remedy="Move them aside, so that Package Manager activates afresh; they are kept until you delete them.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/templates/post-upgrade-chown-job.yaml",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for claim, probe in probes(release):
        if isinstance(probe, Unseen):
            yield unknown(claim, probe.reason, probe.how)
        elif probe.root_activations and probe.expected.uid != 0 and not probe.for_version:
            try:
                fix = repair(release, probe, RULE.remedy)
            except NotSeenError as error:
                fix = Fix(summary=f"{RULE.remedy} No Job can be planned for it: {error.unseen.reason}", safe=False)
            yield failed(
                probe.claim,
                f"License activations that root made are left on {probe.claim}.",
                Evidence(
                    object=probe.claim,
                    field=f"entries below {probe.path}",
                    observed=", ".join(probe.root_activations),
                    expected="none that belong to root",
                ),
                fix=fix,
            )
