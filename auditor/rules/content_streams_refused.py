"""Roles themselves are not read: which verbs the chart's Role grants follows from its version."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.catalog.versions import order
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.helm import HelmRecord
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.content import mode, namespace
from auditor.questions.values import effective

RULE = Rule(
    title="Connect 2026.05.0 can't stream from content with this chart's Role",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONFIG, Facet.WORKLOAD}),
    wants=frozenset({Facet.HELM}),
    why="Connect 2026.05.0 streams by WebSocket alone, which begins with a GET. The Role of charts before 0.20.3 lets "
    "it create attach and exec but not get them, so every stream from content is refused, as the maintainers report.",
    remedy="Upgrade to chart 0.20.3 or newer, or to Connect 2026.05.1 or newer.",
    source="https://github.com/rstudio/helm/pull/875",
)
_VERSION = "2026.05.0"
_GRANTED_SINCE = "0.20.3"


def check(release: ReleaseState) -> Iterator[Judgement]:
    config, workload = required.config(release), required.workload(release)
    if mode(config) != "direct" or order(required.product_version(release)) != order(_VERSION):
        return
    record = release.helm
    if not isinstance(record, HelmRecord) or not effective(record, "rbac.create"):
        where = namespace(config, release.ref.namespace)
        account = f"system:serviceaccount:{release.ref.namespace}:{workload.service_account}"
        yield unknown(
            workload.ref,
            f"Whether Connect {_VERSION} may get pods/exec and pods/attach in namespace {where} can't be "
            "told: its Role need not be the chart's.",
            f"kubectl auth can-i get pods/exec --namespace {where} --as {account}, and the same for pods/attach.",
        )
    elif order(chart := required.chart_version(record)) < order(_GRANTED_SINCE):
        yield failed(
            workload.ref,
            f"{workload.ref} runs Connect {_VERSION}, and the Role of chart {chart} lets it create pods/exec and "
            "pods/attach without get.",
            Evidence(
                object=release.object,
                field="chart version",
                observed=chart,
                expected=f"{_GRANTED_SINCE} or newer with Connect {_VERSION}",
            ),
            fix=Fix(summary=RULE.remedy, safe=False),
        )
