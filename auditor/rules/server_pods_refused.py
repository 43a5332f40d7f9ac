from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.admission import ENFORCED

RULE = Rule(
    title="The namespace's Pod Security level refuses the server's own pods",
    severity=Severity.ERROR,
    products=frozenset(Product),
    reads=frozenset({Facet.WORKLOAD, Facet.POD_SECURITY}),
    why="Pods that run stay, so that nobody notices until the next start, such as that of an upgrade: new pods are "
    "refused. Connect's chart asks for privileged pods before 0.8.0 and for content that runs in the server, Package "
    "Manager's for an unconfined seccomp profile with enableSandboxing.",
    remedy="Take the setting out of the values (securityContext.privileged for Connect whose content runs elsewhere, "
    "enableSandboxing for Package Manager without Git builds), or give the namespace level privileged.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline",
)
_REFUSING = frozenset({"baseline", "restricted"})


def check(release: ReleaseState) -> Iterator[Judgement]:
    workload = required.workload(release)
    level = seen(release.pod_security)
    if level not in _REFUSING:
        return
    asked = dict(_more_than_baseline(workload.pod_spec.reveal()))
    if not asked:
        return
    yield failed(
        workload.ref,
        f"Namespace {release.ref.namespace} enforces Pod Security level {level}, which refuses the pods of"
        f" {workload.ref}.",
        *(
            Evidence(object=workload.ref, field=f"spec.template.spec.{field}", observed=value, expected="not set")
            for field, value in asked.items()
        ),
        Evidence(
            object=workload.ref,
            field=f"label {ENFORCED} of namespace {release.ref.namespace}",
            observed=level,
            expected="privileged, or none",
        ),
        fix=Fix(summary=RULE.remedy, safe=False),
    )


def _more_than_baseline(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    levels = {"": spec, **{f"containers[{one['name']}].": one for one in spec.get("containers") or ()}}
    for where, level in levels.items():
        context = level.get("securityContext") or {}
        if context.get("privileged"):
            yield f"{where}securityContext.privileged", "true"
        if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
            yield f"{where}securityContext.seccompProfile.type", "Unconfined"
