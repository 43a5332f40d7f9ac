"""Small builders of frozen nouns. Each gives something healthy; a test changes the one thing that it is about:

package_manager(claims=(claim(exists=False),))
connect(helm=helm_record(CONNECT, values={"license": {"key": "x"}}))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor import catalog
from auditor.model.finding import Evidence, Finding, Fix, Result, Severity
from auditor.model.held import HeldField
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import ContentData, ContentDirectory, Owner, OwnershipProbe, WrongOwner
from auditor.model.product import CONTENT_ACCOUNT_LABEL, Product
from auditor.model.seen import Unseen, Withheld
from auditor.model.snapshot import (
    AccountUse,
    Claim,
    Config,
    Content,
    HookJob,
    LicenseSecret,
    Pod,
    ReleaseRef,
    ReleaseState,
    SecretKey,
    ServiceAccount,
    Snapshot,
    Volume,
    Workload,
)
from auditor.model.target import Target

CONNECT = Product.CONNECT
PACKAGE_MANAGER = Product.PACKAGE_MANAGER
NAMESPACE = "posit"
UNSEEN = Unseen(reason="You may not list this in namespace posit.", how="Ask for get and list on it.")

_CHART_VERSION = {CONNECT: "0.21.0", PACKAGE_MANAGER: "0.20.4"}
_PRODUCT_VERSION = "2026.08.0"
_IMAGE = {CONNECT: "docker.io/posit/connect", PACKAGE_MANAGER: "docker.io/posit/package-manager"}
_DATA = {CONNECT: "/var/lib/rstudio-connect", PACKAGE_MANAGER: "/var/lib/rstudio-pm"}
_LICENSE_FILE_ENV = {CONNECT: "RSC_LICENSE_FILE_PATH", PACKAGE_MANAGER: "RSPM_LICENSE_FILE_PATH"}

CONNECT_DEFAULTS: dict[str, Any] = {
    "backends": {"kubernetes": {"enabled": True, "defaultResourceJobBase": {}}},
    "config": {},
    "launcher": {"enabled": False, "templateValues": {}},
    "license": {"file": {"contents": False, "secret": False, "secretKey": "license.lic"}, "key": None, "server": False},
    "sharedStorage": {"create": False, "mount": False, "accessModes": ["ReadWriteMany"]},
    "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}, "type": "RollingUpdate"},
}
PACKAGE_MANAGER_DEFAULTS: dict[str, Any] = {
    "config": {},
    "enableMigration": False,
    "license": {"file": {"contents": False, "secret": False, "secretKey": "license.lic"}, "key": None, "server": False},
    "sharedStorage": {"create": False, "mount": False, "accessModes": ["ReadWriteMany"]},
    "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}, "type": "RollingUpdate"},
}


def release_ref(product: Product = PACKAGE_MANAGER, *, namespace: str = NAMESPACE, name: str = "") -> ReleaseRef:
    return ReleaseRef(namespace, name or product.value)


def object_ref(kind: str, name: str, namespace: str = NAMESPACE) -> ObjectRef:
    return ObjectRef(kind, namespace, name)


def helm_record(
    product: Product = PACKAGE_MANAGER,
    *,
    values: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    chart_version: str = "",
    status: HelmStatus = HelmStatus.DEPLOYED,
    revision: int = 3,
    description: str = "Upgrade complete",
    apply_method: str = "",
) -> HelmRecord:
    own = CONNECT_DEFAULTS if product is CONNECT else PACKAGE_MANAGER_DEFAULTS
    return HelmRecord(
        revision=revision,
        status=status,
        description=description,
        chart_name=product.value,
        chart_version=chart_version or _CHART_VERSION[product],
        app_version=_PRODUCT_VERSION,
        values=Withheld({"license": {"file": {"secret": "license"}}} if values is None else values),
        defaults=Withheld(own if defaults is None else defaults),
        values_digest="0" * 64,
        apply_method=apply_method,
    )


def config(
    product: Product = CONNECT,
    gcfg: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    *,
    job_base: Mapping[str, Any] | None = None,
) -> Config:
    default = {"Kubernetes": {"Enabled": ("true",), "Namespace": (NAMESPACE,)}} if product is CONNECT else {}
    return Config(
        ref=object_ref("ConfigMap", f"{product.value}-config"),
        gcfg=Withheld(default if gcfg is None else gcfg),
        job_base=None if job_base is None else Withheld(job_base),
    )


LAUNCHER = {"Launcher": {"Enabled": ("true",)}}
"""The gcfg of a Connect that runs content through the Launcher."""


def pod_spec(product: Product = PACKAGE_MANAGER, *, image: str = "", **container: Any) -> dict[str, Any]:
    """The spec of a server's pod; keywords replace fields of its container."""
    server: dict[str, Any] = {
        "name": product.container,
        "image": image or f"{_IMAGE[product]}:{_PRODUCT_VERSION}-ubuntu-24.04",
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": _LICENSE_FILE_ENV[product], "value": "/etc/rstudio-licensing/license.lic"}],
        "volumeMounts": [{"name": f"{product.value}-data", "mountPath": _DATA[product]}],
    }
    if product is PACKAGE_MANAGER:
        server["securityContext"] = {"runAsUser": 999, "runAsNonRoot": True, "allowPrivilegeEscalation": False}
    return {
        "serviceAccountName": product.value,
        "securityContext": {"fsGroup": 999} if product is PACKAGE_MANAGER else {},
        "containers": [server | container],
        "volumes": [
            {"name": f"{product.value}-data", "persistentVolumeClaim": {"claimName": claim_name(product)}},
            {"name": "license-file", "secret": {"secretName": "license"}},
        ],
    }


def workload(
    product: Product = PACKAGE_MANAGER,
    *,
    spec: Mapping[str, Any] | None = None,
    replicas: int = 1,
    ready_replicas: int | None = None,
    service_account: str = "",
    marks: Mapping[str, str] | None = None,
    **fields: Any,
) -> Workload:
    template = pod_spec(product) if spec is None else spec
    ready = replicas if ready_replicas is None else ready_replicas
    unfinished = "" if ready >= replicas else f"{ready} of {replicas} replicas ready"
    servers = [c for c in template.get("containers", ()) if c.get("name") == product.container]
    return Workload(
        ref=object_ref("Deployment", product.value),
        uid="workload-uid",
        selector={"app.kubernetes.io/name": product.value, "app.kubernetes.io/instance": product.value},
        replicas=replicas,
        ready_replicas=ready,
        pod_spec=Withheld(template),
        image=servers[0].get("image", "") if servers else "",
        service_account=service_account or template.get("serviceAccountName") or "default",
        marks=marks or {},
        **{"unfinished": unfinished, **fields},
    )


def held_field(**fields: Any) -> HeldField:
    """Three replicas by `kubectl scale`, one by the chart."""
    default: dict[str, Any] = {
        "object": object_ref("Deployment", PACKAGE_MANAGER.value),
        "api_version": "apps/v1",
        "uid": "workload-uid",
        "path": ("f:spec", "f:replicas"),
        "manager": "kubectl",
        "operation": "Update",
        "entry_version": "apps/v1",
        "shown": True,
        "observed": 3,
        "expected": 1,
    }
    return HeldField(**{**default, **fields})


def target(product: Product = PACKAGE_MANAGER, version: str = "", **fields: Any) -> Target:
    """One that is reached already, unless `version` or fields say otherwise."""
    present = _CHART_VERSION[product]
    return Target(**{"present": present, "version": version or present, **fields})


def pod(
    product: Product = PACKAGE_MANAGER,
    *,
    name: str = "",
    ready: bool = True,
    phase: str = "Running",
    node: str = "node-1",
    deleting: bool = False,
    waiting_reason: str = "",
) -> Pod:
    return Pod(
        ref=object_ref("Pod", name or f"{product.value}-0"),
        uid="pod-uid",
        phase=phase,
        ready=ready,
        deleting=deleting,
        node=node,
        service_account=product.value,
        containers=(product.container,),
        claims=(claim_name(product),),
        waiting_reason=waiting_reason,
    )


def claim_name(product: Product = PACKAGE_MANAGER) -> str:
    return f"{product.value}-shared-storage"


def claim(
    product: Product = PACKAGE_MANAGER,
    *,
    name: str = "",
    exists: bool = True,
    phase: str = "Bound",
    access_modes: tuple[str, ...] = ("ReadWriteMany",),
    storage_class: str = "nfs",
    sub_path: str = "",
) -> Claim:
    return Claim(
        ref=object_ref("PersistentVolumeClaim", name or claim_name(product)),
        mount_path=_DATA[product],
        exists=exists,
        uid="claim-uid",
        resource_version="7",
        phase=phase,
        access_modes=access_modes,
        storage_class=storage_class,
        volume_name="pv-1" if phase == "Bound" else "",
        sub_path=sub_path,
    )


def volume(
    spec: Mapping[str, Any] | None = None, *, claim: str = "", annotations: Mapping[str, str] | None = None
) -> Volume:
    """A volume that root may re-own, unless `spec` says otherwise."""
    spec = {"hostPath": {"path": "/srv/data"}, "accessModes": ["ReadWriteMany"]} if spec is None else spec
    annotations = annotations or {}
    row = catalog.load().storage({"metadata": {"annotations": annotations}, "spec": spec})
    return Volume(name="pv-1", claim=claim or claim_name(), spec=spec, annotations=annotations, row=row)


def efs_access_point() -> Volume:
    """One that does everything as a user of its own."""
    csi = {"driver": "efs.csi.aws.com", "volumeHandle": "fs-1::fsap-2"}
    return volume({"csi": csi}, annotations={"pv.kubernetes.io/provisioned-by": "efs.csi.aws.com"})


def wrong_owner(
    count: int = 2000, *, owner: Owner | None = None, samples: tuple[str, ...] = ("packages/a",)
) -> WrongOwner:
    return WrongOwner(owner=owner or Owner(0, 0), count=count, samples=samples)


def probe(
    *wrong: WrongOwner,
    claim: str = "",
    seen: int = 2013,
    exhaustive: bool = True,
    root_activations: tuple[str, ...] = (),
    expected: Owner | None = None,
    problem: Unseen | None = None,
    detectable_share: float | None = None,
) -> OwnershipProbe:
    return OwnershipProbe(
        claim=object_ref("PersistentVolumeClaim", claim or claim_name()),
        pod="rstudio-pm-0",
        path=_DATA[PACKAGE_MANAGER],
        expected=expected or Owner(999, 999),
        expected_because="container rspm securityContext.runAsUser",
        seen=seen,
        wrong=wrong,
        exhaustive=exhaustive,
        root_activations=root_activations,
        method="python",
        detectable_share=detectable_share,
        problem=problem,
    )


def secret_key(name: str = "license.lic", *, empty: bool = False, surrounding_whitespace: bool = False) -> SecretKey:
    return SecretKey(name=name, empty=empty, surrounding_whitespace=surrounding_whitespace)


def license_secret(
    *keys: SecretKey, name: str = "license", source: str = "file", key: str = "license.lic", exists: bool = True
) -> LicenseSecret:
    """Without keys: one good key of the name that is asked for."""
    return LicenseSecret(
        ref=object_ref("Secret", name),
        source=source,
        key=key,
        exists=exists,
        keys=keys or ((secret_key(key),) if exists else ()),
    )


def service_account(name: str, *, labelled: bool = False, namespace: str = NAMESPACE) -> ServiceAccount:
    return ServiceAccount(
        ref=object_ref("ServiceAccount", name, namespace),
        uid=f"{name}-uid",
        resource_version="11",
        labels={CONTENT_ACCOUNT_LABEL: "true"} if labelled else {},
    )


def content(*uses: tuple[str, str], mode: str = "direct", namespace: str = NAMESPACE, jobs: int = 0) -> Content:
    """`uses` are (account, evidence)."""
    return Content(
        mode=mode,
        namespace=namespace,
        uses=tuple(AccountUse(account=account, evidence=evidence) for account, evidence in uses),
        jobs=jobs,
    )


def content_directory(*unreadable: WrongOwner, **fields: Any) -> ContentDirectory:
    """One that the content gets at, unless `unreadable` or fields say otherwise."""
    sub_path = fields.get("sub_path", "apps/17/3")
    healthy: dict[str, Any] = {
        "claim": object_ref("PersistentVolumeClaim", claim_name(CONNECT)),
        "path": f"{_DATA[CONNECT]}/{sub_path}",
        "sub_path": sub_path,
        "used_by": f"Job {NAMESPACE}/report",
        "user": Owner(999, 999),
        "writes": True,
        "seen": 40,
        "exhaustive": True,
        "top_owner": Owner(999, 999),
        "method": "python",
    }
    return ContentDirectory(**healthy | {"unreadable": unreadable} | fields)


def hook_job(
    *, active: int = 0, failed: int = 0, succeeded: int = 0, ended: str = "", waiting_reason: str = ""
) -> HookJob:
    return HookJob(
        ref=object_ref("Job", "rstudio-pm-chown-shared-storage"),
        active=active,
        failed=failed,
        succeeded=succeeded,
        ended=ended,
        waiting_reason=waiting_reason,
    )


def package_manager(*, namespace: str = NAMESPACE, name: str = "", **facets: Any) -> ReleaseState:
    """A healthy Package Manager; keywords replace fields of the state."""
    return _release(
        PACKAGE_MANAGER, namespace, name, {"ownership": (probe(),), "content": None, "content_data": None} | facets
    )


def connect(*, namespace: str = NAMESPACE, name: str = "", **facets: Any) -> ReleaseState:
    """A healthy Connect with the direct runner and one labelled content account; keywords replace fields."""
    own = {
        "ownership": (),
        "content": content(("content", "ConfigMap rstudio-connect-config job.yaml")),
        "content_data": ContentData(directories=(content_directory(),)),
        "service_accounts": (service_account(CONNECT.value), service_account("content", labelled=True)),
    }
    return _release(CONNECT, namespace, name, own | facets)


def _release(product: Product, namespace: str, name: str, facets: Mapping[str, Any]) -> ReleaseState:
    default = {
        "ref": release_ref(product, namespace=namespace, name=name),
        "product": product,
        "fullname": name or product.value,
        "helm": helm_record(product),
        "chart_version": _CHART_VERSION[product],
        "product_version": _PRODUCT_VERSION,
        "config": config(product),
        "workload": workload(product),
        "pods": (pod(product),),
        "claims": (claim(product),),
        "volumes": (volume(claim=claim_name(product)),),
        "storage_classes": {},
        "csi_drivers": {},
        "license_secrets": (license_secret(),),
        "service_accounts": (service_account(product.value),),
        "role_bindings": (),
        "hook_jobs": (),
    }
    return ReleaseState(**{**default, **facets})


def snapshot(*releases: ReleaseState, blind: tuple[Unseen, ...] = (), namespaces: tuple[str, ...] = ()) -> Snapshot:
    return Snapshot(
        context="test", server="https://127.0.0.1:6443", namespaces=namespaces, releases=releases, blind=blind
    )


def finding(
    rule: str = "volume-files-wrong-owner",
    *,
    result: Result = Result.FAILED,
    severity: Severity = Severity.ERROR,
    release: ReleaseRef | None = None,
    object: ObjectRef | None = None,  # noqa: A002 - the noun's own field
    message: str = "Something is wrong.",
    evidence: tuple[Evidence, ...] = (),
    fix: Fix | None = None,
    how: str = "",
) -> Finding:
    return Finding(
        rule=rule,
        result=result,
        severity=severity,
        release=release or release_ref(),
        object=object or object_ref("PersistentVolumeClaim", claim_name()),
        message=message,
        evidence=evidence,
        fix=fix,
        how=how,
    )
