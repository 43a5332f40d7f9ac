"""Objects of manifests beside what the cluster has, and what a rollback would delete."""

from __future__ import annotations

from auditor.apply.tools import Tools
from auditor.errors import Forbidden, NotFound, PlanRefused
from auditor.helm.objects import Document, Key, read
from auditor.model.kubernetes import chart_object
from auditor.model.snapshot import ReleaseRef
from auditor.questions.rendered import Rendered, Seen, keys, objections_to_deletions


def documents(manifest: str, release: ReleaseRef) -> tuple[Document, ...]:
    """Raises PlanRefused."""
    try:
        return read(manifest)
    except ValueError as error:
        raise PlanRefused(
            f"What Helm renders or stores of release {release} can't be compared: it has {error}."
        ) from None


def compared(
    now: tuple[Document, ...],
    *,
    trusted: tuple[Document, ...] = (),
    plain: tuple[Document, ...] = (),
    before: tuple[Document, ...],
    release: ReleaseRef,
    tools: Tools,
) -> Rendered:
    return Rendered(
        release=release,
        documents=now,
        trusted=trusted,
        plain=plain,
        before=before,
        seen={key: _seen(key, release, tools) for key in keys(now, before)},
    )


def refuse_foreign_deletions(older: str, newer: str, release: ReleaseRef, tools: Tools) -> None:
    """Raises PlanRefused. A rollback from the manifest `newer` deletes what `older` does not have, and who writes the
    release's Secrets can name anything in both."""
    past = documents(older, release)
    rendered = compared(past, before=documents(newer, release), release=release, tools=tools)
    against = tuple(objections_to_deletions(rendered))
    if against:
        raise PlanRefused(
            f"The rollback of release {release} is not made: {'; '.join(against)}.",
            hint=f"Compare before you roll back by hand: helm get manifest {release.name} -n {release.namespace}",
        )


def _seen(key: Key, release: ReleaseRef, tools: Tools) -> Seen:
    resource = chart_object(key.api_version, key.kind)
    try:
        resource = resource or tools.reader.resource(key.api_version, key.kind)
        if resource is None:
            return Seen(None)
        namespace = key.namespace or release.namespace
        return Seen(resource, tools.reader.get(resource, namespace if resource.namespaced else "", key.name))
    except NotFound:
        return Seen(resource)
    except Forbidden as error:
        return Seen(resource, unread=error.message)
