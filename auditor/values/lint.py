"""What an upgrade makes of values, all at once: what the target chart refuses, changes and ignores. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from auditor.catalog import Chart
from auditor.catalog.conditions import places
from auditor.catalog.situation import Situation
from auditor.model.keypath import MISSING, join_key, look_up
from auditor.model.values import Lint, ValueFinding
from auditor.names.shown import key
from auditor.values.coalesce import coalesce, merge
from auditor.values.document import Document
from auditor.values.hazards import hazards
from auditor.values.moved_defaults import moved_defaults
from auditor.values.overruled import overruled
from auditor.values.refusals import WRONG_KIND, refusals
from auditor.values.unknown_keys import unknown_keys

_ORDER: Final = {"fails": 0, "changes": 1, "ignored": 2}


def lint(documents: Sequence[Document], chart: Chart, **upgrade: Any) -> Lint:
    """`judge` of files that are given to Helm in this order, with the place of each finding."""
    result = judge(merge(document.data for document in documents), chart, **upgrade)
    placed = (_placed(finding, documents) for finding in result.findings)
    unread = (finding for document in documents for finding in overruled(document))
    return msgspec.structs.replace(result, findings=_sorted((*placed, *unread)))


def judge(
    user: Mapping[str, Any],
    chart: Chart,
    *,
    from_version: str | None = None,
    to_version: str | None = None,
    from_defaults: Mapping[str, Any] | None = None,
    to_defaults: Mapping[str, Any] | None = None,
    app_version: str | None = None,
    namespace: str = "default",
    reuse_values: bool = False,
) -> Lint:
    """What becomes of `user`, a release's values, on the way from one chart version to another.

    from_version: the chart that runs now; None where unknown, and then silent changes of defaults can't be told.
    to_version: the newest in the catalog by default. from_defaults, to_defaults: the charts' own values, where they
    are at hand, else the catalog's. app_version: of the target chart, else the catalog's. namespace: the release's.
    reuse_values: the upgrade is made with `--reuse-values`, so the templates see the old chart's defaults.
    """
    to_version = to_version or chart.newest
    after_defaults = to_defaults if to_defaults is not None else chart.values_at(to_version)
    before_defaults = from_defaults
    if before_defaults is None and from_version is not None:
        before_defaults = chart.values_at(from_version)
    seen_defaults = before_defaults if reuse_values and before_defaults is not None else after_defaults
    now = Situation(
        user=user,
        after=coalesce(user, seen_defaults),
        before=coalesce(user, before_defaults) if before_defaults is not None else None,
        from_version=from_version,
        to_version=to_version,
        app_version=app_version or chart.app_version(to_version),
        namespace=namespace,
        reuse_values=reuse_values,
    )
    risky = list(hazards(chart, now))
    explained = {finding.key for finding in risky if finding.effect == "fails"}
    refused = [finding for finding in refusals(chart, now) if finding.id != WRONG_KIND or finding.key not in explained]
    told = [*refused, *risky]
    told += unknown_keys(chart, now, after_defaults, told={finding.key for finding in told})
    spoken = {finding.key for finding in told}
    moved = moved_defaults(chart, now, before_defaults, seen_defaults, told=spoken)
    told += (finding for finding in moved if finding.key not in {finding.key for finding in refused})
    findings = _sorted(told)
    return Lint(
        chart=chart.name,
        from_version=from_version,
        to_version=to_version,
        will_fail=any(finding.effect == "fails" for finding in findings),
        findings=findings,
        notes=tuple(_notes(chart, now)),
    )


def _sorted(findings: Iterable[ValueFinding]) -> tuple[ValueFinding, ...]:
    unique = {(finding.id, finding.key, finding.file, finding.line): finding for finding in findings}
    return tuple(sorted(unique.values(), key=lambda f: (_ORDER[f.effect], -f.rank, f.key)))


def _notes(chart: Chart, now: Situation) -> Iterable[str]:
    if now.from_version is None:
        yield "The chart version that runs now is not known, so silent changes of defaults can't be told."
    for version in (now.from_version, now.to_version):
        if version is not None and chart.release(version) is None:
            yield f"{chart.name} {version} is not in the catalog; it is judged by what is known up to {chart.newest}."
    for path, value in places(now.user, "extraObjects.*"):
        if "{{" in json.dumps(value, default=str):
            yield f"{key(join_key(path))} holds a template, and only helm template tells what it becomes."


def _placed(finding: ValueFinding, documents: Sequence[Document]) -> ValueFinding:
    """The last file that writes a key decides it."""
    for length in range(len(finding.path), 0, -1):
        path = finding.path[:length]
        for document in reversed(documents):
            if look_up(document.data, path) is not MISSING:
                line, column = document.position(path)
                return msgspec.structs.replace(finding, file=document.source, line=line, column=column)
    return finding
