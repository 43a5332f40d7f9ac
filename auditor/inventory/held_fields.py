"""Fields of the chart's objects that another manager holds: single gets of what the release's manifest names."""

from __future__ import annotations

from auditor.helm.manifest import as_sent, belongs_to, documents
from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.releases import helm
from auditor.model.held import HeldField
from auditor.model.kubernetes import CHART_OBJECTS, Access, chart_object
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet
from auditor.questions.managed_fields import held_fields as held_in


@reading(Facet.HELD_FIELDS, *(Access(resource, ("get",)) for resource in CHART_OBJECTS), needs=(helm,))
def held_fields(look: Look) -> tuple[HeldField, ...]:
    record = helm(look)
    if record is None or not record.server_side:
        return ()
    try:
        rendered = list(documents(record.manifest.reveal()))
        return tuple(field for document in rendered for field in _held(look, document))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise NotSeenError(
            Unseen(
                reason=f"The manifest of release {look.found.ref}, or the managedFields of one of its objects, has an "
                "unexpected shape.",
                how="Compare them: helm get manifest, and kubectl get --show-managed-fields -o yaml.",
            )
        ) from None


def _held(look: Look, document: Json) -> tuple[HeldField, ...]:
    resource = chart_object(document["apiVersion"], document["kind"])
    if resource not in CHART_OBJECTS or resource is None:
        return ()
    wanted = as_sent(document, look.found.ref.name, look.namespace)
    metadata = wanted["metadata"]
    live = look.ask.get(resource, metadata["namespace"], metadata["name"])
    # The manifest is in a Secret that a tenant can write, and may name objects of others.
    ours = live and belongs_to(live, look.found.ref.name, look.namespace)
    return tuple(held_in(wanted, live)) if live and ours else ()
