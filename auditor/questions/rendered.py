"""Whether what Helm renders may be applied with an administrator's identity, by who wrote it. Pure.

Whoever can write a release's Secrets in one namespace chooses its values and its stored manifest. What the catalog's
chart makes of the values in that namespace is the release's own business; all else must be in the cluster already,
exactly so, or somebody with permissions there must have agreed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.helm.manifest import as_sent, belongs_to
from auditor.helm.objects import Document, Key
from auditor.model.kubernetes import ObjectRef, Resource
from auditor.model.snapshot import ReleaseRef
from auditor.questions.permissions import is_rbac, wider
from auditor.questions.pod_gains import gains
from auditor.questions.same import within


@dataclass(frozen=True)
class Seen:
    """What the API server has for a key. `resource`: None if it has no such kind. `unread`: why it was not read."""

    resource: Resource | None
    live: Mapping[str, Any] | None = None
    unread: str = ""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """`trusted`: what the chart alone makes of the values. `plain`: the same of values without line breaks. `before`:
    what the release's stored manifest has. `seen`: of all keys of `documents` and `before`."""

    release: ReleaseRef
    documents: tuple[Document, ...]
    trusted: tuple[Document, ...]
    plain: tuple[Document, ...]
    before: tuple[Document, ...]
    seen: Mapping[Key, Seen]
    _texts: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        """A document is the chart's own if it is written by it, the same number of times, and no line break of a value
        made an object or a permission of it."""
        of_plain = {self._identity(one) for one in self.plain}
        self._texts.update(one.text for one in self.trusted if self._identity(one) in of_plain)

    @staticmethod
    def _identity(one: Document) -> tuple[object, ...]:
        return (one.source, one.key, one.text if is_rbac(one.key.api_version) else "")

    def is_charts_own(self, one: Document) -> bool:
        return self._texts[one.text] >= sum(other.text == one.text for other in self.documents)

    def place(self, key: Key) -> ObjectRef:
        resource = self.seen[key].resource
        namespace = key.namespace or self.release.namespace
        return ObjectRef(key.kind, namespace if resource is None or resource.namespaced else "", key.name)

    def is_foreign(self, key: Key) -> bool:
        return self.place(key).namespace != self.release.namespace

    def is_releases_own(self, live: Mapping[str, Any]) -> bool:
        return belongs_to(live, self.release.name, self.release.namespace)

    def sent(self, one: Document) -> dict[str, Any]:
        body = as_sent(one.body, self.release.name, self.release.namespace)
        if not self.place(one.key).namespace:
            body["metadata"].pop("namespace", None)
        return body

    def is_unchanged(self, one: Document) -> bool:
        live = self.seen[one.key].live
        return live is not None and one.is_plain and self.is_releases_own(live) and within(self.sent(one), live)

    def deleted(self) -> Iterator[Document]:
        """What Helm deletes: in the stored manifest, not in the new one, and still there."""
        kept = {(one.key.api_version.rpartition("/")[0], self.place(one.key)) for one in self.documents}
        for one in self.before:
            at = (one.key.api_version.rpartition("/")[0], self.place(one.key))
            policy = ((one.body.get("metadata") or {}).get("annotations") or {}).get("helm.sh/resource-policy")
            if at not in kept and policy != "keep" and (self.seen[one.key].live or self.seen[one.key].unread):
                yield one


def objections(rendered: Rendered, *, upgrade: bool) -> Iterator[str]:
    """A sentence for each object that may not be applied unasked. `upgrade`: to another chart, whose own permissions in
    the release's namespace, and where the release has objects already, are what was asked for."""
    for one in rendered.documents:
        why = _against(rendered, one, upgrade=upgrade)
        if why:
            yield f"{rendered.place(one.key)} {why}"
    yield from objections_to_deletions(rendered)


def objections_to_deletions(rendered: Rendered) -> Iterator[str]:
    for one in rendered.deleted():
        seen = rendered.seen[one.key]
        if seen.unread or seen.live is None or not rendered.is_releases_own(seen.live):
            yield f"{rendered.place(one.key)} would be deleted, and it does not belong to this release"


def _against(rendered: Rendered, one: Document, *, upgrade: bool) -> str:
    seen = rendered.seen[one.key]
    if seen.resource is None:
        return "is of a kind that the API server does not know"
    if seen.unread:
        return f"could not be compared with the cluster: {seen.unread}"
    if rendered.is_unchanged(one):
        return ""
    if seen.live is not None and not rendered.is_releases_own(seen.live):
        return "is there already and does not belong to this release"
    new = "would be new" if seen.live is None else "would be changed"
    if not rendered.is_charts_own(one):
        return f"{new}, and it is not the chart's own"
    if rendered.is_foreign(one.key) and seen.live is None:
        where = rendered.place(one.key).namespace
        return f"would be new {f'in namespace {where}' if where else 'outside of any namespace'}"
    if is_rbac(one.key.api_version) and not upgrade and wider(one.body, seen.live):
        return f"{new} and grants more than what is in the cluster"
    more = () if upgrade else gains(one.body, seen.live)
    return f"{new}, and its pods may do more: {', '.join(more)}" if more else ""


def objections_to_the_past(rendered: Rendered) -> Iterator[str]:
    """The same of the stored manifest, which a rollback applies as it is."""
    own = [one for one in rendered.documents if rendered.is_charts_own(one)]
    wanted = {(rendered.place(one.key), one.text) for one in own}
    harmless = {rendered.place(one.key) for one in own if not is_rbac(one.key.api_version)}
    for one in rendered.before:
        seen, at = rendered.seen[one.key], rendered.place(one.key)
        if seen.resource is None or seen.unread:
            yield f"{at} could not be compared with the cluster"
        elif (at, one.text) in wanted or rendered.is_unchanged(one):
            continue
        elif seen.live is None:
            if at in harmless and not rendered.is_foreign(one.key):
                continue  # the chart makes it again
            yield f"{at} is not in the cluster"
        elif not rendered.is_releases_own(seen.live):
            yield f"{at} does not belong to this release"
        elif is_rbac(one.key.api_version) and wider(one.body, seen.live):
            yield f"{at} grants more than what is in the cluster"
        elif rendered.is_foreign(one.key):
            yield f"{at} is another one in the cluster"


def keys(*documents: Iterable[Document]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(one.key for some in documents for one in some))
