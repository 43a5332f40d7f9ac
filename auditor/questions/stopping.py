"""Stopping the server while something is changed that it must not write to, and starting it again."""

from __future__ import annotations

from auditor.model.action import ScaleWorkload
from auditor.model.snapshot import Workload

MARK = "posit-audit/"
"""What annotations of ours begin with."""
_REPLICAS = f"{MARK}replicas"
_WORKER = f"{MARK}ownership-worker"


def stop(workload: Workload, *, python: bool) -> ScaleWorkload:
    """`python`: whether its image has Python, which nobody can look up while no pod runs."""
    return ScaleWorkload(
        workload=workload.ref,
        uid=workload.uid,
        before=workload.replicas,
        replicas=0,
        marks=_marks(workload.replicas, python=python),
    )


def start(workload: Workload, *, python: bool) -> ScaleWorkload:
    """As many replicas as there are or, where we stopped it, were."""
    stopped = stopped_from(workload)
    replicas = workload.replicas if stopped is None else stopped
    return ScaleWorkload(
        workload=workload.ref,
        uid=workload.uid,
        before=0,
        replicas=replicas,
        marks=_marks(replicas, python=python),
        wait=stopped is not None or workload.ready_replicas > 0,
    )


def _marks(replicas: int, *, python: bool) -> dict[str, str]:
    return {_REPLICAS: str(replicas), _WORKER: "python" if python else "posix"}


def stopped_from(workload: Workload) -> int | None:
    """How many replicas it had before posit-audit stopped it; None where it did not."""
    said = workload.marks.get(_REPLICAS, "")
    return int(said) if workload.replicas == 0 and said.isdecimal() and int(said) else None


def is_marked(workload: Workload) -> bool:
    """Whether it carries what is remembered of a stop."""
    return _REPLICAS in workload.marks


def has_python(workload: Workload) -> bool:
    """As remembered when it was stopped."""
    return workload.marks.get(_WORKER) != "posix"
