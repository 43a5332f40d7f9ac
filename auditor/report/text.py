"""What a scan found, for a person: by release, worst first, and no word about what is well but its number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from auditor.model.finding import Evidence, Finding, Fix, Result, Severity
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import ObjectRef
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseState, Snapshot
from auditor.report.page import Page

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan", "unknown": "magenta", "passed": "green"}
_MARGIN, _BODY = 2, 4
_MOST_ALIKE = 10
"""Findings of one rule about one release; a rule tells the most important first."""


def render(
    snapshot: Snapshot,
    findings: Iterable[Finding],
    *,
    color: bool = False,
    width: int | None = None,
    verbose: bool = False,
) -> str:
    """`width` None: no line is wrapped. `verbose` lists what passed too."""
    page = Page(color=color, width=width)
    told = tuple(findings)
    page.line(_scope(snapshot))
    for releases, of_them in sorted(_sections(snapshot, told), key=lambda section: _badness(section[1])):
        page.blank()
        for release in releases:
            page.line((str(release.ref), "bold"), f"  {_described(release)}", hang=_BODY)
        _section(page, of_them, verbose=verbose)
    _blind(page, snapshot.blind)
    page.blank()
    _summary(page, snapshot, told)
    return page.text()


def _scope(snapshot: Snapshot) -> str:
    where = f"namespace{'s'[: len(snapshot.namespaces) - 1]} {', '.join(snapshot.namespaces)}"
    found = _count(len(snapshot.releases), "release")
    context = f"Context {snapshot.context}" if snapshot.context else "This cluster"
    return f"{context} at {snapshot.server}, {where if snapshot.namespaces else 'all namespaces'}: {found}."


def _sections(
    snapshot: Snapshot, findings: Sequence[Finding]
) -> Iterator[tuple[tuple[ReleaseState, ...], list[Finding]]]:
    """By name. Helm gives a name once; one Argo CD application may hold both products under the same one."""
    ordered = sorted(snapshot.releases, key=lambda release: (release.ref, release.product))
    for ref, releases in groupby(ordered, key=lambda release: release.ref):
        yield tuple(releases), _worst_first(finding for finding in findings if finding.release == ref)


def _section(page: Page, findings: Sequence[Finding], *, verbose: bool) -> None:
    failed = (f for f in findings if f.result is Result.FAILED)
    for rule, told in groupby(failed, key=lambda finding: finding.rule):
        of_rule = list(told)
        shown = of_rule if verbose else of_rule[:_MOST_ALIKE]
        for finding in shown:
            _failed(page, finding)
        if len(of_rule) > len(shown):
            more = f"{rule} tells {_count(len(of_rule) - len(shown), 'more thing')}: -o json or --show-passed lists all"
            page.line((f"... {more}", "dim"), indent=_MARGIN, hang=_BODY)
    for (message, how), alike in _unknown(findings):
        page.line(("unknown", STYLES["unknown"]), f"  {', '.join(alike)}: {message}", indent=_MARGIN, hang=_BODY)
        if how:
            _detail(page, "how", how)
    passed = [finding for finding in findings if finding.result is Result.PASSED]
    for finding in passed if verbose else ():
        page.line(("passed", STYLES["passed"]), f"   {finding.rule}: {finding.message}", indent=_MARGIN, hang=_BODY)
    if not verbose:
        page.line((f"{_count(len(passed), 'check')} passed", "dim"), indent=_MARGIN)


def _failed(page: Page, finding: Finding) -> None:
    label = f"{finding.severity:<7}"
    page.line(
        (label, STYLES[finding.severity]),
        "  ",
        (finding.rule, "bold"),
        f": {finding.message}",
        indent=_MARGIN,
        hang=_BODY,
    )
    for evidence in finding.evidence:
        _detail(page, "seen", _told(evidence, finding.object))
    if finding.fix:
        _detail(page, _way(finding.fix), finding.fix.summary)


def _told(evidence: Evidence, subject: ObjectRef) -> str:
    where = "" if evidence.object == subject else f"{evidence.object} "
    expected = f"; expected: {evidence.expected}" if evidence.expected else ""
    return f"{where}{evidence.field}: {evidence.observed}{expected}"


def _way(fix: Fix) -> str:
    """Who mends it: `posit-audit fix`, that with `--unsafe`, the upgrade itself, or a person."""
    if not fix.actions:
        return "fix --to" if fix.follows and fix.safe else "by hand"
    return "fix" if fix.safe else "fix --unsafe"


def _detail(page: Page, label: str, text: str) -> None:
    page.line((f"{label}: ", "dim"), text, indent=_MARGIN + _BODY, hang=_BODY)


def _unknown(findings: Iterable[Finding]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """One thing that can't be seen makes several checks unknown: it is told once, with all of them."""

    def cause(finding: Finding) -> tuple[str, str]:
        return finding.message, finding.how

    blind = sorted((f for f in findings if f.result is Result.UNKNOWN), key=lambda f: (*cause(f), f.rule))
    for reason, alike in groupby(blind, key=cause):
        yield reason, list(dict.fromkeys(finding.rule for finding in alike))


def _described(release: ReleaseState) -> str:
    def known(version: str | Unseen) -> str:
        return "of unknown version" if isinstance(version, Unseen) else version

    helm = release.helm
    installed = (
        f"Helm revision {helm.revision} {helm.status}"
        if isinstance(helm, HelmRecord)
        else ("not installed by Helm" if helm is None else "Helm record not seen")
    )
    return (
        f"{release.product.full_name} {known(release.product_version)}, "
        f"chart {release.product} {known(release.chart_version)}, {installed}"
    )


def _blind(page: Page, blind: Sequence[Unseen]) -> None:
    if not blind:
        return
    page.blank()
    page.line(("Not looked at", STYLES["unknown"]))
    for unseen in blind:
        page.line(unseen.reason, indent=_MARGIN, hang=_BODY)
        if unseen.how:
            _detail(page, "how", unseen.how)


def _summary(page: Page, snapshot: Snapshot, findings: Sequence[Finding]) -> None:
    severities = Counter(f.severity for f in findings if f.result is Result.FAILED)
    results = Counter(f.result for f in findings)
    mended = sum(1 for f in findings if f.fix and f.fix.actions and f.fix.safe)
    if not snapshot.releases:
        page.line("No release of Posit Connect or Posit Package Manager was found.")
        return
    passed, unknown = results[Result.PASSED], results[Result.UNKNOWN]
    if not findings:
        page.line("No check was made: none of those asked for is about what is there.")
        return
    if not severities:
        well = "No fault was found" if unknown or snapshot.blind else "All is well"
        could = f", {_count(unknown, 'check')} could not be made" if unknown else ""
        page.line((well, STYLES["passed"]), f": {_count(passed, 'check')} passed{could}.")
        return
    faults = [
        _count(severities[s], s.value if s is not Severity.INFO else "remark")
        for s in reversed(_BY_RANK)
        if severities[s]
    ]
    dark = [f"{unknown:,} unknown"] if unknown else []
    page.line(", ".join([*faults, *dark, f"{passed:,} passed"]) + ".")
    if mended:
        page.line(f"{mended} of them can be mended by posit-audit fix, which shows its plan first.")


_BY_RANK = sorted(Severity, key=lambda severity: severity.rank)


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Of one rule on one object in the rule's own order, which puts the most important first."""
    return sorted(findings, key=lambda f: (-f.severity.rank, f.rule, f.object))


def _badness(findings: Sequence[Finding]) -> tuple[int, ...]:
    """Smaller is worse: how many errors, then warnings, then remarks, then unknowns."""
    failed = Counter(f.severity for f in findings if f.result is Result.FAILED)
    unknown = sum(1 for f in findings if f.result is Result.UNKNOWN)
    return (*(-failed[severity] for severity in reversed(_BY_RANK)), -unknown)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
