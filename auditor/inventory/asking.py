"""How inventory asks the cluster, and how one facet of a release is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from auditor.catalog import Catalog, load
from auditor.errors import ApiError, NotFound, Unauthorized
from auditor.inventory.found import Found
from auditor.model.kubernetes import SECRETS, Access, ObjectRef, Resource
from auditor.model.scope import ProbeMode
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet
from auditor.model.target import Target

if TYPE_CHECKING:
    from auditor.cluster.exec import ExecResult
    from auditor.cluster.reader import Reader
    from auditor.inventory.sight import JobSight

T = TypeVar("T")
Json = dict[str, Any]


class Asker:
    """Every request of one inventory, sent once and remembered with its refusal: releases that share an object see the
    same one. Raises NotSeenError where the API server refuses; lets pass what ends the run (expired credentials, no
    API server)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._answers: dict[tuple[object, ...], Any] = {}

    def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """None where there is no such object. Secrets are asked for each time and never kept."""

        def ask() -> Json | None:
            try:
                return self._reader.get(resource, namespace, name)
            except NotFound:
                return None

        if resource == SECRETS:
            return _or_not_seen(ask)
        return self._once(("get", resource, namespace, name), ask)

    def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = "", bare: bool = False
    ) -> Sequence[Json]:
        """`bare`: metadata only."""
        return self._once(
            ("list", resource, namespace, labels, fields, bare),
            lambda: tuple(
                self._reader.list(resource, namespace, label_selector=labels, field_selector=fields, metadata_only=bare)
            ),
        )

    def table(self, resource: Resource, namespace: str | None) -> Sequence[Json]:
        return self._once(("table", resource, namespace), lambda: tuple(self._reader.table(resource, namespace)))

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: bytes = b"", timeout: float
    ) -> ExecResult:
        return _or_not_seen(lambda: self._reader.exec(namespace, pod, container, command, stdin=stdin, timeout=timeout))

    def _once(self, question: tuple[object, ...], ask: Callable[[], T]) -> T:
        if question not in self._answers:
            try:
                self._answers[question] = _or_not_seen(ask)
            except NotSeenError as refused:
                self._answers[question] = refused
        answer = self._answers[question]
        if isinstance(answer, NotSeenError):
            raise answer
        return cast("T", answer)


def _or_not_seen(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except Unauthorized:
        raise
    except ApiError as error:
        raise NotSeenError(Unseen(reason=error.message, how=error.hint or "Run the scan again.")) from error


class Look:
    """One release under inspection. Each facet is looked at when it is first asked for."""

    def __init__(
        self,
        asker: Asker,
        found: Found,
        probe: ProbeMode,
        sights: Mapping[ObjectRef, JobSight | Unseen] | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self.ask = asker
        self.found = found
        self.probe = probe
        self.sights = sights or {}
        """By claim: what Jobs saw, where Jobs were asked for."""
        self.catalog = catalog or load()
        self.target: Target | Unseen | None = None
        """What an upgrade would make of it, where one was asked for."""
        self.namespace = found.ref.namespace
        self.facets: dict[Facet, Any] = {}


class Reading(Generic[T]):
    """How one facet is looked at. `access` is what that needs, with what the readings need that it builds on: when one
    of these is refused, the facet is `Unseen`."""

    def __init__(
        self, facet: Facet, access: tuple[Access, ...], needs: tuple[Reading[Any], ...], look_at: Callable[[Look], T]
    ) -> None:
        self.facet = facet
        self.access: tuple[Access, ...] = tuple(
            dict.fromkeys((*access, *(grant for need in needs for grant in need.access)))
        )
        self._look_at = look_at

    def __call__(self, look: Look) -> T:
        """Raises NotSeenError."""
        found = self.or_unseen(look)
        if isinstance(found, Unseen):
            raise NotSeenError(found)
        return found

    def or_unseen(self, look: Look) -> T | Unseen:
        if self.facet not in look.facets:
            try:
                look.facets[self.facet] = self._look_at(look)
            except NotSeenError as error:
                look.facets[self.facet] = error.unseen
        return cast("T | Unseen", look.facets[self.facet])


def reading(
    facet: Facet, *access: Access, needs: tuple[Reading[Any], ...] = ()
) -> Callable[[Callable[[Look], T]], Reading[T]]:
    return lambda look_at: Reading(facet, access, needs, look_at)
