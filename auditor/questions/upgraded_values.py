"""What an upgrade does to values, as judgements: one per key."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.catalog import Effect
from auditor.model.finding import Evidence, Fix, Judgement, failed, unknown
from auditor.model.keypath import MISSING, look_up, split_key
from auditor.model.snapshot import ReleaseState
from auditor.model.target import Target
from auditor.model.values import ValueFinding
from auditor.names.shown import key
from auditor.questions.required import helm_record, target_of

_COVERING = "chart-not-at-target"
_DOES = {"fails": "refuses", "changes": "changes", "ignored": "ignores"}


def told(release: ReleaseState, effect: Effect) -> Iterator[Judgement]:
    """Nothing where the release is at the target already. Raises NotSeenError where it can't be judged."""
    target = target_of(release)
    values = helm_record(release).values.reveal()
    for finding in target.findings(effect):
        yield failed(
            release.object,
            f"Chart {target.version} {_DOES[effect]} {key(finding.key)}: {finding.message}.",
            Evidence(
                object=release.object,
                field=key(finding.key),
                observed="not set" if look_up(values, split_key(finding.key)) is MISSING else "set",
            ),
            fix=_fix(finding, target),
        )


def not_judged(release: ReleaseState) -> Iterator[Judgement]:
    """What of the upgrade nobody could tell from the values alone."""
    target = target_of(release)
    for note in target.lint.notes if target.lint else ():
        yield unknown(release.object, note, f"Render the release's values with chart {target.version}: helm template.")


def _fix(finding: ValueFinding, target: Target) -> Fix:
    """What the migration takes along is mended by the upgrade itself."""
    moved = next((n for n in target.notes if n.key == key(finding.key) and not n.needs_decision), None)
    where = f" The upgrade's plan moves it to {moved.to}." if moved and moved.to else ""
    if moved and finding.effect != "changes":
        return Fix(summary=f"The migration of the values settles it.{where}", follows=_COVERING)
    return Fix(summary=f"{_sentence(finding.remedy)}{where}", safe=False, follows=_COVERING)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else "Nothing is to be done."
