from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.license import sources
from auditor.questions.pod_spec import container

RULE = Rule(
    title="No license is configured",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD}),
    why="Without a license the server runs on its trial, and stops serving when that has expired.",
    remedy="Create a Secret from the license file and name it in license.file.secret.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-connect/README.md",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    server = container(workload.pod_spec.reveal(), release.product.container)
    if sources(release.product, server):
        return
    if server.get("envFrom"):
        yield unknown(
            workload.ref,
            f"{workload.ref} names no license, but takes variables from whole ConfigMaps or Secrets that may hold one.",
            "See whether the objects in envFrom have a key that ends in LICENSE, LICENSE_SERVER or LICENSE_FILE_PATH.",
        )
        return
    yield failed(
        workload.ref,
        f"{workload.ref} gets no license: neither a key nor a license server nor a license file.",
        Evidence(
            object=workload.ref,
            field=f"containers[{release.product.container}].env",
            observed="no license variable",
            expected="one of license.key, license.server and license.file in the values",
        ),
        fix=Fix(summary=RULE.remedy, safe=False),
    )
