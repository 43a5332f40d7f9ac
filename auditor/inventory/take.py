"""From a cluster to a snapshot of every release of Posit's on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from auditor.inventory.accounts import role_bindings, service_accounts
from auditor.inventory.admission import pod_security
from auditor.inventory.asking import Asker, Look, Reading
from auditor.inventory.config import config
from auditor.inventory.content import content
from auditor.inventory.content_data import content_data
from auditor.inventory.discovery import Discovery
from auditor.inventory.events import events
from auditor.inventory.found import Found
from auditor.inventory.held_fields import held_fields
from auditor.inventory.hooks import hook_jobs
from auditor.inventory.images import product_version
from auditor.inventory.licenses import license_secrets
from auditor.inventory.ownership import ownership
from auditor.inventory.releases import chart_version, helm
from auditor.inventory.sight import JobSight
from auditor.inventory.storage import claims, csi_drivers, storage_classes, volumes
from auditor.inventory.workload import pods, workload
from auditor.model.kubernetes import Access, ObjectRef
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet, ReleaseState, Snapshot
from auditor.questions.targets import Upgrades

if TYPE_CHECKING:
    from auditor.cluster.reader import Reader

_READINGS: Final[tuple[Reading[Any], ...]] = (
    helm,
    chart_version,
    config,
    pod_security,
    workload,
    pods,
    claims,
    volumes,
    storage_classes,
    csi_drivers,
    ownership,
    license_secrets,
    content,
    content_data,
    service_accounts,
    role_bindings,
    hook_jobs,
    events,
    held_fields,
)
FACET_ACCESS: Final[Mapping[Facet, tuple[Access, ...]]] = {reading.facet: reading.access for reading in _READINGS}
"""What each facet needs, that of the facets it builds on included."""
Sights = Mapping[ObjectRef, JobSight | Unseen]
_NOT_ASKED: Final = Unseen(reason="No chosen rule reads it.", how="Run all rules.")


def take(
    reader: Reader,
    scope: Scope,
    facets: frozenset[Facet],
    probe: ProbeMode,
    upgrades: Upgrades | None = None,
    sights: Sights | None = None,
) -> Snapshot:
    """Fetches `facets` and what they build on, nothing else; with `upgrades` what those would do too. `sights` is what
    Jobs saw of the claims, for ProbeMode.JOB.

    Raises Unauthorized, ClusterError, and Unavailable where even the search for releases gets no answer; every other
    refusal is `Unseen` where it belongs."""
    ask = Asker(reader)
    discovery = Discovery(ask, scope)
    found = discovery.run()
    catalog = upgrades.catalog if upgrades else None
    return Snapshot(
        context=reader.connection.context,
        server=reader.connection.server,
        namespaces=discovery.namespaces,
        releases=tuple(_state(Look(ask, one, probe, sights, catalog), facets, upgrades) for one in found),
        blind=tuple(discovery.blind),
    )


def _state(look: Look, facets: frozenset[Facet], upgrades: Upgrades | None) -> ReleaseState:
    found = look.found
    if upgrades and found.product in upgrades.versions:
        look.target = upgrades.target(found.ref, found.product, helm.or_unseen(look))
    seen = {
        reading.facet.value: reading.or_unseen(look) if reading.facet in facets else _NOT_ASKED for reading in _READINGS
    }
    return ReleaseState(
        ref=found.ref,
        product=found.product,
        fullname=found.fullname,
        product_version=_product_version(found, look),
        target=look.target,
        seen_at=datetime.now(UTC),
        **seen,
    )


def _product_version(found: Found, look: Look) -> str | Unseen:
    deployment = None if found.image else workload.or_unseen(look)
    return (
        deployment
        if isinstance(deployment, Unseen)
        else product_version(deployment.image if deployment else found.image)
    )
