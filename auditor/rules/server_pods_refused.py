from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.admission import ENFORCED
from auditor.questions.pod_security import admitting, refusals

RULE = Rule(
    title="The namespace's Pod Security level refuses the server's own pods",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD, Facet.POD_SECURITY}),
    why="Pods that run stay, so that nobody notices until the next start, such as that of an upgrade: new pods are "
    "refused. Connect's chart asks for privileged pods before 0.8.0 and for content that runs in the server, Package "
    "Manager's for an unconfined seccomp profile with enableSandboxing. Level restricted refuses Connect as its chart "
    "installs it, as root.",
    remedy="Take the setting out of the values (securityContext.privileged for Connect whose content runs elsewhere, "
    "enableSandboxing for Package Manager without Git builds), or give the namespace a level that admits the pods.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    level, spec = seen(release.pod_security), workload.pod_spec.reveal()
    refused = refusals(level, spec)
    if not refused:
        return
    yield failed(
        workload.ref,
        f"Namespace {release.ref.namespace} enforces Pod Security level {level}, which refuses the pods of"
        f" {workload.ref}.",
        *(
            Evidence(
                object=workload.ref,
                field=f"spec.template.spec.{one.field}",
                observed=one.observed,
                expected=one.expected,
            )
            for one in refused
        ),
        Evidence(
            object=workload.ref,
            field=f"label {ENFORCED} of namespace {release.ref.namespace}",
            observed=level,
            expected=f"{', '.join(admitting(spec))}, or none",
        ),
        fix=Fix(summary=RULE.remedy, safe=False),
    )
