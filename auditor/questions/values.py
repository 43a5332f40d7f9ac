"""What the chart's templates saw, and how user-supplied values are changed. Nothing here may reach a message: values
hold passwords and licenses."""

from __future__ import annotations

from typing import Any

from auditor.model.action import PatchValues, ValueEdit
from auditor.model.helm import HelmRecord
from auditor.model.keypath import MISSING, look_up, split_key
from auditor.model.snapshot import ReleaseState
from auditor.questions import required
from auditor.values.coalesce import coalesce


def effective_values(record: HelmRecord) -> dict[str, Any]:
    """The user's values over the chart's defaults, as Helm merges them."""
    return coalesce(record.values.reveal(), record.defaults.reveal())


def effective(record: HelmRecord, key: str) -> Any:
    """The value at the dotted `key` as the templates saw it; None where there is none."""
    found = look_up(effective_values(record), split_key(key))
    return None if found is MISSING else found


def user_set(record: HelmRecord, key: str) -> Any:
    """What the user wrote at the dotted `key`, or `MISSING`."""
    return look_up(record.values.reveal(), split_key(key))


def patch_values(release: ReleaseState, *edits: ValueEdit) -> PatchValues:
    """A `helm upgrade` of the release at its own chart version. Raises NotSeenError without a Helm record."""
    record = required.helm_record(release)
    return PatchValues(
        namespace=release.ref.namespace,
        release=release.ref.name,
        chart=record.chart_name,
        chart_version=record.chart_version,
        revision=record.revision,
        values_digest=record.values_digest,
        edits=edits,
    )
