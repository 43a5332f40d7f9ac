"""One rule on one release, through the judge, as a scan does it."""

from __future__ import annotations

from auditor.model.finding import Finding, Fix, Result
from auditor.model.snapshot import ReleaseState
from auditor.rules import discover, judge
from tests.builders import snapshot


def judged(rule_id: str, release: ReleaseState) -> tuple[Finding, ...]:
    rules = [loaded for loaded in discover() if loaded.id == rule_id]
    return judge(snapshot(release), rules)


def only(rule_id: str, release: ReleaseState) -> Finding:
    (finding,) = judged(rule_id, release)
    return finding


def results(rule_id: str, release: ReleaseState) -> list[Result]:
    return [finding.result for finding in judged(rule_id, release)]


def fix_of(finding: Finding) -> Fix:
    assert finding.fix is not None
    return finding.fix
