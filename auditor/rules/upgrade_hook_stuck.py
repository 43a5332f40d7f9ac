from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, HookJob, ReleaseState

RULE = Rule(
    title="The chart's ownership hook is stuck or failed",
    severity=Severity.ERROR,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.HOOK_JOBS}),
    why="Helm waits for the hook until its time-out and then calls the upgrade failed; nothing was re-owned. The "
    "hook's pod also carries the labels of the Service, which sends requests to it while it is there.",
    remedy="Delete the Job, set enableMigration to false and let volume-files-wrong-owner re-own the volume; then "
    "upgrade again.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/templates/post-upgrade-chown-job.yaml",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    for job in seen(release.hook_jobs):
        if job.waiting_reason or job.ended == "Failed":
            yield _stuck(release, job)
        elif not job.ended and (job.active or job.failed):  # a failed pod is tried again
            yield unknown(
                job.ref,
                f"{job.ref} is running: whether it ends well is not known yet.",
                f"Scan again when it has ended: kubectl --namespace {job.ref.namespace} wait --for=condition=complete "
                f"job/{job.ref.name}",
            )


def _stuck(release: ReleaseState, job: HookJob) -> Judgement:
    what = f"can't start its pod ({job.waiting_reason})" if job.waiting_reason else "failed"
    return failed(
        job.ref,
        f"{job.ref}, the upgrade hook of release {release.ref}, {what}.",
        Evidence(
            object=job.ref,
            field="status",
            observed=f"{job.active} active, {job.failed} failed, {job.succeeded} succeeded"
            + (f", pod waits: {job.waiting_reason}" if job.waiting_reason else ""),
            expected="no such Job: Helm deletes it when it succeeds",
        ),
        fix=Fix(
            summary=f"{RULE.remedy} To delete it: kubectl --namespace {job.ref.namespace} delete job {job.ref.name}",
            safe=False,
        ),
    )
