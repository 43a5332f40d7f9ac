"""Looks into volumes by Jobs, for `--probe job`.

A stage of its own, before the scan: it writes, and hands what its Jobs saw to the scan as a value. So the scan still
can't reach the writer, and nobody starts a Job who did not ask for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from auditor.apply.look_job import look
from auditor.apply.run import terminable
from auditor.apply.tools import Tools, open_tools
from auditor.cluster.connect import Connection, connect
from auditor.cluster.reader import Reader
from auditor.errors import Interrupted, PositAuditError
from auditor.inventory import Sights, looking, take
from auditor.inventory.own_pod import own_pod
from auditor.inventory.sight import JobSight
from auditor.model.action import ChangeOwnership
from auditor.model.kubernetes import ObjectRef
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.pipeline.scan import Asked, ScanRequest, checked
from auditor.planning.images import of_agent
from auditor.questions.reowning import change_ownership
from auditor.settings import ClusterSettings

Tell = Callable[[str], None]
_FACETS = frozenset({Facet.OWNERSHIP, Facet.CLAIMS, Facet.VOLUMES, Facet.WORKLOAD, Facet.PODS})


def look_by_jobs(settings: ClusterSettings, request: ScanRequest, tell: Tell) -> Sights:
    """What each claim's Job saw, or why it saw nothing. `tell` gets a sentence before each Job is made. Raises
    ClusterError, and Interrupted on Ctrl-C, SIGTERM and SIGHUP after the Job is deleted."""
    return looks(connect(settings), request, checked(request), tell)


def looks(connection: Connection, request: ScanRequest, asked: Asked, tell: Tell) -> Sights:
    if not any(Facet.OWNERSHIP in loaded.rule.reads | loaded.rule.wants for loaded in asked.rules):
        return {}
    scope = Scope(namespaces=request.namespaces, all_namespaces=request.all_namespaces, current=connection.namespace)
    reader = Reader(connection)
    snapshot = take(reader, scope, _FACETS, ProbeMode.JOB, asked.upgrades)
    own = own_pod(reader)
    sights: dict[ObjectRef, JobSight | Unseen] = {}
    with open_tools(connection) as tools, terminable():
        for claim, would in (each for release in snapshot.releases for each in _wanted(release)):
            if claim in sights:
                continue
            if isinstance(would, ChangeOwnership):
                agent = of_agent(would, own) if own else None
                placement = would.placement.taking(agent) if agent else would.placement
                sights[claim] = _look(msgspec.structs.replace(would, placement=placement), tools, tell)
            else:
                sights[claim] = would
    return sights


def _wanted(release: ReleaseState) -> Iterator[tuple[ObjectRef, ChangeOwnership | Unseen]]:
    """For each claim that can be looked into: the change that would be made on it."""
    for probe in () if isinstance(release.ownership, Unseen) else release.ownership:
        if probe.expected.uid == 0:
            continue
        try:
            yield probe.claim, change_ownership(release, probe)
        except NotSeenError as error:
            yield probe.claim, error.unseen


def _look(would: ChangeOwnership, tools: Tools, tell: Tell) -> JobSight | Unseen:
    tell(f"Looking into {would.claim} with a short-lived Job that mounts it read-only …")
    try:
        return looking.from_job(look(would, tools, lambda _: None), would.claim)
    except NotSeenError as error:
        return error.unseen
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped while a Job looked into {would.claim}; it was deleted.") from None
    except PositAuditError as error:
        return Unseen(reason=error.message, how=error.hint or "Look from a running pod: --probe exec.")
