"""Read, judge. Joins inventory and rules; the writer is out of its reach (import-linter proves it)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import msgspec
import structlog

from auditor.cluster.connect import Connection, connect
from auditor.cluster.reader import Reader
from auditor.errors import PositAuditError
from auditor.inventory import Sights, take
from auditor.model.finding import Finding, Result, Severity
from auditor.model.scope import ProbeMode, Scope
from auditor.model.snapshot import Facet, Snapshot
from auditor.pipeline.targets import upgrades
from auditor.questions.targets import Upgrades
from auditor.rules import LoadedRule, discover, judge
from auditor.settings import ClusterSettings

log = structlog.get_logger()

_IDENTITY = frozenset({Facet.HELM, Facet.CHART_VERSION})
"""What a report tells a release by, whatever the rules need."""


class UnknownRule(PositAuditError):
    """A rule was asked for that doesn't exist."""


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at a cluster is asked for. No namespaces and not all of them: all where allowed."""

    namespaces: tuple[str, ...] = ()
    all_namespaces: bool = False
    probe: ProbeMode = ProbeMode.AUTO
    rules: tuple[str, ...] = ()
    """Ids; empty means every rule."""
    to: tuple[str, ...] = ()
    """Chart versions to judge an upgrade to: "rstudio-pm=0.20.4"."""
    catalogs: tuple[Path, ...] = ()
    """Files with more rows for the catalog."""
    charts: tuple[str, ...] = ()
    """Where the charts of `to` are, for their own defaults; else the catalog's."""
    helm: str = ""


class ScanResult(msgspec.Struct, frozen=True, kw_only=True):
    snapshot: Snapshot
    findings: tuple[Finding, ...]

    def failed_at(self, threshold: Severity) -> bool:
        """Whether a finding failed at or above the threshold."""
        return any(f.result is Result.FAILED and f.severity.rank >= threshold.rank for f in self.findings)

    @property
    def saw_nothing(self) -> bool:
        """No release was found, and somewhere it could not even be looked for."""
        return not self.snapshot.releases and bool(self.snapshot.blind)

    @property
    def has_unknown(self) -> bool:
        return bool(self.snapshot.blind) or any(f.result is Result.UNKNOWN for f in self.findings)


def scan(settings: ClusterSettings, request: ScanRequest, sights: Sights | None = None) -> ScanResult:
    """Raises ClusterError where no cluster can be reached, UnknownRule for a wrong rule id, UnknownTarget. Every
    smaller refusal is an unknown in the result."""
    asked = checked(request)  # before anything is asked of a cluster
    return look(connect(settings), request, asked, sights)


def look(
    connection: Connection,
    request: ScanRequest,
    asked: Asked,
    sights: Sights | None = None,
    also: frozenset[Facet] = frozenset(),
) -> ScanResult:
    """`sights`: what pipeline.probe's Jobs saw, where --probe job asks for them. `also`: facets that the plan needs,
    whatever the rules read."""
    facets = (_IDENTITY | also).union(*(loaded.rule.reads | loaded.rule.wants for loaded in asked.rules))
    scope = Scope(namespaces=request.namespaces, all_namespaces=request.all_namespaces, current=connection.namespace)
    log.info("scanning", server=connection.server, context=connection.context, facets=sorted(map(str, facets)))
    snapshot = take(Reader(connection), scope, facets, request.probe, asked.upgrades, sights)
    findings = judge(snapshot, asked.rules)
    log.info("scanned", releases=len(snapshot.releases), findings=len(findings))
    return ScanResult(snapshot=snapshot, findings=findings)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, checked."""

    rules: tuple[LoadedRule, ...]
    upgrades: Upgrades


def checked(request: ScanRequest) -> Asked:
    wanted = upgrades(request.to, request.catalogs, charts=request.charts, helm=request.helm)
    return Asked(rules=choose(request.rules), upgrades=wanted)


def _did_you_mean(missing: Iterable[str], known: Iterable[str]) -> str:
    near = [id_ for rule in missing for id_ in get_close_matches(rule, list(known), n=1)]
    return f"{f'Did you mean {near[0]}? ' if near else ''}posit-audit rules lists them."


def choose(ids: tuple[str, ...]) -> tuple[LoadedRule, ...]:
    every = discover()
    if not ids:
        return every
    known = {loaded.id: loaded for loaded in every}
    missing = [rule for rule in ids if rule not in known]
    if missing:
        raise UnknownRule(
            f"There is {', '.join(f'no rule {id_!r}' for id_ in missing)}.", hint=_did_you_mean(missing, known)
        )
    return tuple(known[rule] for rule in dict.fromkeys(ids))
