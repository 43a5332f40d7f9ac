"""Which fields Helm's server-side apply would conflict about, by a dry run of its own requests on the API server:
`helm upgrade --dry-run=server` sends none of them, and a conflict in the upgrade itself leaves the release failed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from auditor.apply.managed_fields import edit, handed_back
from auditor.apply.tools import Tools
from auditor.errors import Conflict, HelmError, NotFound, PlanRefused
from auditor.helm.command import SERVER_SIDE
from auditor.helm.manifest import as_sent, documents
from auditor.model.held import Conflicting, HeldField
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import ObjectRef, chart_object
from auditor.model.snapshot import ReleaseRef
from auditor.names import told
from auditor.names.shown import name
from auditor.questions.holders import is_safe_to_hand_back
from auditor.questions.managed_fields import HELM, held_fields


def conflicts(manifest: str, release: ReleaseRef, tools: Tools) -> frozenset[Conflicting]:
    """Raises Invalid or Forbidden if the API server refuses an object for another reason."""
    found: set[Conflicting] = set()
    try:
        rendered = [as_sent(one, release.name, release.namespace) for one in documents(manifest)]
    except (ValueError, AttributeError):
        raise HelmError(f"The manifest of release {release} can't be read.") from None
    for body in rendered:
        resource = chart_object(body["apiVersion"], body["kind"])
        if resource is None:
            continue  # an extra object of the user's: Helm alone asks for it
        metadata = body["metadata"]
        try:
            tools.writer.apply(resource, body, dry_run=True, manager=HELM[0])
        except Conflict as conflict:
            if not conflict.holders:
                raise
            ref = ObjectRef(body["kind"], metadata["namespace"], metadata["name"])
            found.update(Conflicting(ref, field, manager) for field, manager in conflict.holders)
        except NotFound:
            continue  # its kind is not installed, and Helm itself says so
    return frozenset(found)


def refuse_if_any(found: Iterable[Conflicting], release: ReleaseRef, what: str) -> None:
    """Raises PlanRefused."""
    named = "; ".join(map(in_words, sorted(found)))
    if named:
        raise PlanRefused(
            f"{what} of release {release} would conflict with other field managers, and nothing was changed: {named}.",
            hint="Scan again: the rule fields-held-by-another-manager says how each of them is resolved.",
        )


def in_words(one: Conflicting) -> str:
    return f"{told.field(one.field)} of {one.object} (manager {name(one.manager)})"


def refuse_older_helm(release: ReleaseRef, record: HelmRecord, tools: Tools) -> None:
    """Raises PlanRefused, and HelmError if there is no Helm."""
    if record.server_side and tools.helm.version < SERVER_SIDE:
        raise PlanRefused(
            f"Helm {tools.helm.version} can't change release {release}: its record says apply_method ssa, which Helm 3"
            " does not know and would silently drop.",
            hint="Name a Helm 4 with --helm FILE.",
        )


def hand_back(record: HelmRecord, release: ReleaseRef, tools: Tools) -> None:
    """Fields that a person's tool took during an upgrade of ours, which has failed by it: the way back has to pass."""
    for document in documents(record.manifest.reveal()):
        body = as_sent(document, release.name, release.namespace)
        resource = chart_object(body["apiVersion"], body["kind"])
        if resource is None:
            continue
        try:
            live = tools.reader.get(resource, body["metadata"]["namespace"], body["metadata"]["name"])
        except NotFound:
            continue
        held: list[HeldField] = [one for one in held_fields(body, live) if is_safe_to_hand_back(one)]
        if held:
            edit(tools, resource, live, partial(handed_back, fields=held))
