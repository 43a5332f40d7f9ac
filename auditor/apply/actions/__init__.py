"""One file per kind of change."""

from __future__ import annotations

from auditor.apply.actions import (
    change_ownership,
    hand_back_fields,
    label_service_account,
    patch_values,
    scale_workload,
    upgrade_release,
)
from auditor.apply.effect import Performer
from auditor.model.action import (
    Action,
    ChangeOwnership,
    HandBackFields,
    LabelServiceAccount,
    PatchValues,
    ScaleWorkload,
    UpgradeRelease,
)

PERFORMERS: dict[type[Action], Performer] = {
    LabelServiceAccount: label_service_account,
    ChangeOwnership: change_ownership,
    ScaleWorkload: scale_workload,
    PatchValues: patch_values,
    UpgradeRelease: upgrade_release,
    HandBackFields: hand_back_fields,
}

__all__ = ["PERFORMERS"]
