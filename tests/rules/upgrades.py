"""Releases with an upgrade asked for, judged as inventory judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor import catalog
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseState
from auditor.model.target import Target
from auditor.questions.targets import Upgrades
from tests.builders import CONNECT, PACKAGE_MANAGER, connect, helm_record, package_manager, pod_spec, workload


def asked(state: ReleaseState, version: str) -> Target | Unseen:
    upgrades = Upgrades(versions={state.product: version}, catalog=catalog.load())
    return upgrades.target(state.ref, state.product, state.helm)


def upgraded(
    product: Product, present: str, version: str, values: Mapping[str, Any] | None = None, **facets: Any
) -> ReleaseState:
    """A release at chart `present`, with what chart `version` would make of it."""
    chart = catalog.load().chart(product)
    record = helm_record(product, values=values or {}, defaults=chart.values_at(present), chart_version=present)
    facets = {"helm": record, "chart_version": present, **facets}
    build = connect if product is CONNECT else package_manager
    return build(target=asked(build(**facets), version), **facets)


def as_root(**facets: Any) -> ReleaseState:
    """A Package Manager from before charts ran it as 999."""
    spec = pod_spec(PACKAGE_MANAGER, securityContext={})
    values = {"sharedStorage": {"create": True, "mount": True}}
    return upgraded(PACKAGE_MANAGER, "0.3.9", "0.20.4", values, **{"workload": workload(spec=spec), **facets})
