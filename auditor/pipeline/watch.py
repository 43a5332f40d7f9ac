"""Find the ownership Jobs that are there and stay with them to their end."""

from __future__ import annotations

import msgspec

from auditor.apply.progress import Progress
from auditor.apply.run import terminable
from auditor.apply.tools import open_tools
from auditor.apply.watching import Found, jobs, stay_with
from auditor.cluster.connect import connect
from auditor.errors import Interrupted
from auditor.model.outcome import Outcome
from auditor.model.plan import Step
from auditor.model.snapshot import ReleaseRef
from auditor.planning.plan import step_of
from auditor.settings import ClusterSettings


def watch(
    settings: ClusterSettings, namespaces: tuple[str, ...], *, all_namespaces: bool, progress: Progress
) -> tuple[Outcome, ...]:
    """One outcome per Job. Raises Interrupted on Ctrl-C, SIGTERM and SIGHUP; the Jobs go on."""
    with open_tools(connect(settings)) as tools, terminable():
        try:
            ours, others = jobs(tools, namespaces, all_namespaces=all_namespaces)
            return (*(stay_with(found, _step(found), tools, progress) for found in ours), *others)
        except KeyboardInterrupt:
            raise Interrupted("Nobody watches any more; the Jobs go on.", hint="posit-audit fix --watch") from None


def _step(found: Found) -> Step:
    action = found.action
    step = step_of(action, ReleaseRef(action.claim.namespace, action.release))
    return msgspec.structs.replace(step, title=f"Take back: {step.title}") if found.mode == "undo" else step
