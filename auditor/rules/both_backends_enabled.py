from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.helm import HelmRecord
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.gcfg import is_on
from auditor.questions.values import effective

RULE = Rule(
    title="Launcher and direct runner are both on",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONFIG}),
    wants=frozenset({Facet.HELM}),
    why="Charts from 0.20.1 on refuse to render with both, and Connect runs content through one of them only.",
    remedy="Turn one off: set launcher.enabled to false for the direct runner, or backends.kubernetes.enabled to false "
    "for the Launcher, and remove Enabled from config.Launcher and config.Kubernetes.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-connect/templates/NOTES.txt",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    config = required.config(release)
    if is_on(config, "Launcher", "Enabled") and is_on(config, "Kubernetes", "Enabled"):
        seen_in = Evidence(
            object=config.ref,
            field="[Launcher] Enabled, [Kubernetes] Enabled",
            observed="both true",
            expected="one of them",
        )
    elif isinstance(release.helm, HelmRecord) and all(
        effective(release.helm, f"{key}.enabled") is True for key in ("launcher", "backends.kubernetes")
    ):
        seen_in = Evidence(
            object=release.object,
            field="launcher.enabled, backends.kubernetes.enabled",
            observed="both true",
            expected="one of them",
        )
    else:
        return
    yield failed(
        seen_in.object,
        f"Launcher and direct runner are both on in {seen_in.object}.",
        seen_in,
        fix=Fix(summary=RULE.remedy, safe=False),
    )
