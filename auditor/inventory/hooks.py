"""Jobs of the charts' hooks that are still there: Helm deletes them where they succeed."""

from __future__ import annotations

from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.workload import waiting_reason
from auditor.model.kubernetes import JOBS, PODS, Access, ObjectRef
from auditor.model.product import Product
from auditor.model.snapshot import Facet, HookJob


@reading(Facet.HOOK_JOBS, Access(JOBS, ("get",)), Access(PODS, ("list",)))
def hook_jobs(look: Look) -> tuple[HookJob, ...]:
    """Only Package Manager's chart has one (charts/rstudio-pm/templates/post-upgrade-chown-job.yaml)."""
    if look.found.product is not Product.PACKAGE_MANAGER:
        return ()
    name = f"{look.found.fullname}-chown-shared-storage"
    body = look.ask.get(JOBS, look.namespace, name)
    if body is None:
        return ()
    pods = look.ask.list(PODS, look.namespace, labels=f"job-name={name}")
    status = body.get("status") or {}
    return (
        HookJob(
            ref=ObjectRef("Job", look.namespace, name),
            active=status.get("active", 0),
            failed=status.get("failed", 0),
            succeeded=status.get("succeeded", 0),
            ended=next((one["type"] for one in status.get("conditions") or () if _ends(one)), ""),
            waiting_reason=next(filter(None, map(waiting_reason, pods)), ""),
        ),
    )


def _ends(condition: Json) -> bool:
    return condition["type"] in ("Complete", "Failed") and condition["status"] == "True"
