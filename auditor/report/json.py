"""The report as JSON, format `posit-audit.report/v1`: a format of its own, so that the nouns inside may change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from auditor.model.finding import Evidence, Finding, Fix, Result
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import ObjectRef
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseState, Snapshot
from auditor.printable import name, printable_all

SCHEMA = "posit-audit.report/v1"


def render(snapshot: Snapshot, findings: Iterable[Finding]) -> str:
    """One document with a line break at its end. Findings come in the judge's order, which is by release and rule."""
    told = tuple(findings)
    results = Counter(finding.result for finding in told)
    report = {
        "schema": SCHEMA,
        "context": snapshot.context,
        "server": snapshot.server,
        "namespaces": list(snapshot.namespaces),
        "releases": [_release(release) for release in sorted(snapshot.releases, key=lambda r: (r.ref, r.product))],
        "findings": [_finding(finding) for finding in told],
        "blind": [{"reason": unseen.reason, "how": unseen.how} for unseen in snapshot.blind],
        "summary": {result.value: results[result] for result in (Result.PASSED, Result.FAILED, Result.UNKNOWN)},
    }
    return json.dumps(printable_all(report), indent=2) + "\n"


def _release(release: ReleaseState) -> dict[str, Any]:
    helm = release.helm if isinstance(release.helm, HelmRecord) else None
    return {
        "namespace": release.ref.namespace,
        "name": release.ref.name,
        "product": release.product.value,
        "product_version": _known(release.product_version),
        "chart_version": _known(release.chart_version),
        "installed_by": "helm" if helm else (None if isinstance(release.helm, Unseen) else "other"),
        "revision": helm.revision if helm else None,
        "status": helm.status.value if helm else None,
    }


def _known(version: str | Unseen) -> str | None:
    return None if isinstance(version, Unseen) else version


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "result": finding.result.value,
        "severity": finding.severity.value,
        "release": {"namespace": finding.release.namespace, "name": finding.release.name},
        "object": _object(finding.object),
        "message": finding.message,
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "fix": _fix(finding.fix) if finding.fix else None,
        "how": finding.how,
    }


def _object(ref: ObjectRef) -> dict[str, str]:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": name(ref.name)}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "object": _object(evidence.object),
        "field": evidence.field,
        "observed": evidence.observed,
        "expected": evidence.expected,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    """The actions are told in full in a plan; here is what they are about."""
    return {"summary": fix.summary, "safe": fix.safe, "actions": [_action(action) for action in fix.actions]}


def _action(action: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(action)
    return {key: value for key, value in plain.items() if key != "placement"}
