"""Only for releases that Helm 4 manages by server-side apply: Helm 3 overwrites such fields. Fields that an autoscaler,
Argo CD, Flux or another controller holds are reported and never changed. A change that the next upgrade makes to other
fields is checked by a dry run on the API server before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from auditor.model.action import HandBackFields
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.held import HeldField
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.names.fields import field, masked
from auditor.names.shown import name
from auditor.questions.holders import Holder, controller_of, holder_of, values_key

RULE = Rule(
    title="Another field manager holds fields of the chart's objects",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.HELM, Facet.HELD_FIELDS}),
    why="Helm 4 applies the release on the API server's side, which rejects a value for a field that another manager "
    "set to another value. The next upgrade fails, its rollback fails too, and the release stays failed.",
    remedy="Set the value in the release's values, or hand the field back to Helm; then change it through Helm only.",
    source="https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    fields = sorted(seen(release.held_fields), key=lambda held: (held.object, holder_of(held), held.path))
    for (object_, holder), group in groupby(fields, key=lambda held: (held.object, holder_of(held))):
        held = tuple(group)
        who = ", ".join(sorted({controller_of(one) or f"field manager {name(one.manager)}" for one in held}))
        fields_ = ", ".join(field(one) for one in held)
        yield failed(
            object_,
            f"{who[0].upper()}{who[1:]} holds {fields_} of {object_} with another value than the chart's.",
            *(_evidence(one) for one in held),
            fix=_fix(release, holder, held),
        )


def _evidence(held: HeldField) -> Evidence:
    observed, expected = (str(held.observed), str(held.expected)) if held.shown else ("<withheld>", "<withheld>")
    by = f"{name(held.manager)}, {held.operation}{f', {held.subresource}' if held.subresource else ''}"
    return Evidence(object=held.object, field=field(held), observed=f"{observed} (by {by})", expected=expected)


def _fix(release: ReleaseState, holder: Holder, held: tuple[HeldField, ...]) -> Fix:
    keys = ", ".join(sorted({key for one in held if (key := values_key(one))}))
    if holder is Holder.HAND:
        action = HandBackFields(object=held[0].object, uid=held[0].uid, fields=tuple(map(masked, held)))
        return Fix(summary="Hand the fields back; the next upgrade sets them to the chart's values.", actions=(action,))
    key = f"the values key {keys}" if keys else "the key of the values that renders them"
    who = controller_of(held[0])
    if who:
        return Fix(
            summary=f"{who} sets them and would set them again. Set {key} to the value that it set, with the upgrade,"
            f" or stop {who} for {release.fullname}."
        )
    return Fix(
        summary=f"It is not known whether {name(held[0].manager)} sets them again. Set {key} to what it wants, or stop"
        " it; with --unsafe, an upgrade overrules it."
    )
