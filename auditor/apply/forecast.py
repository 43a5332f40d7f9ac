"""What would be refused is found when the plan is made: each step is tried on the server with dryRun, which stores
nothing. A step that can't be tried from here is no reason against it: it is planned, and that is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.apply import rights
from auditor.apply.rendering import chart_of
from auditor.apply.run import rehearse
from auditor.apply.tools import Tools
from auditor.errors import (
    ChartNotKnown,
    ClusterError,
    Forbidden,
    HelmError,
    NotAdmitted,
    PositAuditError,
    Unauthorized,
    Unavailable,
)
from auditor.model.action import (
    Action,
    ChangeOwnership,
    HandBackFields,
    LabelServiceAccount,
    PatchValues,
    ScaleWorkload,
    UpgradeRelease,
)
from auditor.model.kubernetes import CONFIG_MAPS, DEPLOYMENTS, JOBS, SECRETS, SERVICE_ACCOUNTS, Access, chart_object
from auditor.model.plan import Plan, Step
from auditor.model.rendering import Rendering

_HELM = (Access(SECRETS, ("list", "create", "update")),)
"""Helm's own record: without that no upgrade can be made, whatever its dry run says."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    refused: Mapping[str, str]
    """Step id -> why it would be refused."""
    untried: Mapping[str, str]
    """Step id -> why it could not be tried."""
    rendered: Mapping[str, Rendering] = field(default_factory=dict)
    """Step id -> what Helm would apply."""


def forecast(plan: Plan, tools: Tools) -> Forecast:
    """Changes nothing, and raises nothing that speaks of one step only."""
    refused: dict[str, str] = {}
    untried: dict[str, str] = {}
    rendered: dict[str, Rendering] = {}
    for step in plan.steps:
        try:
            hindrance = _hindrance(step, tools)
            if hindrance:
                untried[step.id] = hindrance
                continue
            if found := rehearse(step, tools):
                rendered[step.id] = found
        except NotAdmitted as error:
            refused[step.id] = str(error)
        except (Forbidden, Unauthorized, Unavailable, ClusterError) as error:
            untried[step.id] = str(error)
        except PositAuditError as error:
            refused[step.id] = str(error)
    return Forecast(refused=refused, untried=untried, rendered=rendered)


def _hindrance(step: Step, tools: Tools) -> str:
    action = step.action
    missing = rights.lacking(_trying(action), step.object.namespace, tools)
    if missing:
        return f"{tools.reader.connection.identity} may not {'; '.join(missing)}."
    if isinstance(action, PatchValues | UpgradeRelease):
        version = action.chart_version if isinstance(action, PatchValues) else action.to_version
        try:
            _ = tools.helm.program
            tools.charts.find(action.chart, version, agreed=chart_of(action.rendering))
        except ChartNotKnown:
            raise
        except HelmError as error:
            return str(error)
    return ""


def _trying(action: Action) -> tuple[Access, ...]:
    """What a dry run takes: the API server asks for the same permissions as for the change itself."""
    match action:
        case LabelServiceAccount():
            return (Access(SERVICE_ACCOUNTS, ("patch",)),)
        case ScaleWorkload():
            return (Access(DEPLOYMENTS, ("patch",)),)
        case ChangeOwnership():
            return (Access(CONFIG_MAPS, ("create", "patch")), Access(JOBS, ("create",)))
        case HandBackFields():
            resource = chart_object(action.fields[0].api_version, action.object.kind)
            return (Access(resource, ("patch",)),) if resource else ()
        case PatchValues() | UpgradeRelease():
            return _HELM
