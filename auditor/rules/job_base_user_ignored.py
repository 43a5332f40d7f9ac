from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.keypath import MISSING, look_up
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required

RULE = Rule(
    title="The job base names a user for content, which Connect does not take from there",
    severity=Severity.WARNING,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONFIG}),
    why="The direct runner sets the user and group of content itself: who relies on runAsUser or runAsGroup of "
    "backends.kubernetes.defaultResourceJobBase has content run as somebody else than the values say.",
    remedy="Take runAsUser and runAsGroup out of the job base, and set the user by Applications.RunAs or per content; "
    "fsGroup and the rest of the security context stay in force.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-connect/README.md",
)
_POD = ("spec", "template", "spec")
_KEYS = ("runAsUser", "runAsGroup")


def check(release: ReleaseState) -> Iterator[Judgement]:
    config = required.config(release)
    base = config.job_base.reveal() if config.job_base else {}
    containers = look_up(base, (*_POD, "containers"))
    levels = {"": look_up(base, _POD)}
    for one in containers if isinstance(containers, list) else ():
        if isinstance(one, dict):
            levels[f"containers[{one.get('name', '')}]."] = one
    named = [
        f"spec.template.spec.{where}securityContext.{key}"
        for where, level in levels.items()
        for key in _KEYS
        if look_up(level, ("securityContext", key)) not in (MISSING, None)
    ]
    if named:
        yield failed(
            config.ref,
            f"The job base in {config.ref} names who content runs as, and Connect decides that itself.",
            *(
                Evidence(object=config.ref, field=f"job.yaml {field}", observed="set", expected="not set")
                for field in named
            ),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
