"""Small builders of actions and steps, beside tests/builders.py."""

from __future__ import annotations

from typing import Any

import msgspec

from auditor import __version__
from auditor.model.action import (
    Action,
    ChangeOwnership,
    LabelServiceAccount,
    PatchValues,
    Placement,
    ScaleWorkload,
    UpgradeRelease,
    ValueEdit,
)
from auditor.model.finding import Finding, Fix
from auditor.model.kubernetes import ObjectRef
from auditor.model.outcome import Outcome, State
from auditor.model.ownership import Owner
from auditor.model.plan import Plan, Step
from auditor.model.product import CONTENT_ACCOUNT_LABEL
from auditor.model.snapshot import Snapshot
from auditor.planning import plan
from tests.builders import NAMESPACE, claim_name, finding, package_manager, snapshot


def label(name: str = "content", namespace: str = NAMESPACE, **fields: Any) -> LabelServiceAccount:
    default: dict[str, Any] = {
        "account": ObjectRef("ServiceAccount", namespace, name),
        "key": CONTENT_ACCOUNT_LABEL,
        "uid": f"{name}-uid",
        "resource_version": "11",
        "servers": (ObjectRef("ServiceAccount", namespace, "rstudio-connect"),),
    }
    return LabelServiceAccount(**{**default, **fields})


def ownership(claim: str = "", namespace: str = NAMESPACE, **fields: Any) -> ChangeOwnership:
    default: dict[str, Any] = {
        "claim": ObjectRef("PersistentVolumeClaim", namespace, claim or claim_name()),
        "claim_uid": "claim-uid",
        "release": "rstudio-pm",
        "owner": Owner(999, 999),
        "wrong": 2000,
        "placement": Placement(image="docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"),
    }
    return ChangeOwnership(**{**default, **fields})


def edit(op: str, path: str, value: Any = None, to: str = "", reason: str = "") -> ValueEdit:
    """`path` and `to` with dots."""
    return msgspec.convert(
        {
            "op": op,
            "path": tuple(path.split(".")),
            "to": tuple(to.split(".")) if to else (),
            "value": value,
            "reason": reason,
        },
        ValueEdit,
    )


def patch(*edits: ValueEdit, release: str = "rstudio-pm", namespace: str = NAMESPACE, **fields: Any) -> PatchValues:
    default: dict[str, Any] = {
        "namespace": namespace,
        "release": release,
        "chart": "rstudio-pm",
        "chart_version": "0.20.4",
        "revision": 3,
        "values_digest": "0" * 64,
        "edits": edits or (edit("rename", "enableMigrations", to="enableMigration"),),
    }
    return PatchValues(**{**default, **fields})


def scale(before: int, replicas: int, namespace: str = NAMESPACE, **fields: Any) -> ScaleWorkload:
    default: dict[str, Any] = {
        "workload": ObjectRef("Deployment", namespace, "rstudio-pm"),
        "uid": "workload-uid",
        "before": before,
        "replicas": replicas,
        "marks": {"posit-audit/replicas": str(before or replicas), "posit-audit/ownership-worker": "python"},
    }
    return ScaleWorkload(**{**default, **fields})


def upgrade(release: str = "rstudio-pm", namespace: str = NAMESPACE, **fields: Any) -> UpgradeRelease:
    default: dict[str, Any] = {
        "namespace": namespace,
        "release": release,
        "chart": "rstudio-pm",
        "from_version": "0.3.9",
        "to_version": "0.20.4",
        "revision": 3,
        "values_digest": "0" * 64,
        "made_by": __version__,
    }
    return UpgradeRelease(**{**default, **fields})


def wanting(*actions: Action, rule: str = "some-rule", safe: bool = True, **fields: Any) -> Finding:
    """A failed finding whose fix these actions are."""
    return finding(rule, fix=Fix(summary="Do it.", actions=actions, safe=safe), **fields)


def planned(*findings: Finding, state: Snapshot | None = None, unsafe: bool = False) -> Plan:
    return plan(state or snapshot(package_manager()), findings, unsafe=unsafe)


def step(action: Action, **fields: Any) -> Step:
    return planned(wanting(action, **fields)).steps[0]


def outcome(of: Step, state: State = State.DONE, message: str = "Done.") -> Outcome:
    return Outcome(step=of.id, object=of.object, state=state, message=message)
