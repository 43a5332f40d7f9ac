"""Releases as the charts install them, object by object."""

from __future__ import annotations

import json
from typing import Any

from auditor.model.kubernetes import CHART_OBJECTS
from tests.inventory.fake import Json, body, encoded, helm_secret

CANARY = "c4nary-in-the-coal-mine"
CHART = {"rstudio-connect": "0.21.0", "rstudio-pm": "0.20.4"}
IMAGE = {
    "rstudio-connect": "docker.io/posit/connect:2026.08.0-ubuntu-24.04",
    "rstudio-pm": "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04",
}
GCFG = {
    "rstudio-connect": "[Kubernetes]\nEnabled = true\nNamespace = content\nDataDirPVCName = connect-rstudio-connect-"
    f"shared-storage\n\n[Postgres]\nPassword = {CANARY}\n",
    "rstudio-pm": f"[Server]\nAddress = http://pm\n\n[Postgres]\nPassword = {CANARY}\n",
}
CONTAINER = {"rstudio-connect": "connect", "rstudio-pm": "rspm"}
PREFIX = {"rstudio-connect": "RSC", "rstudio-pm": "RSPM"}
CONNECT_CLAIM = "connect-rstudio-connect-shared-storage"
DATA = {"rstudio-connect": "/var/lib/rstudio-connect", "rstudio-pm": "/var/lib/rstudio-pm"}


def pod_spec(chart: str, fullname: str, *, data: str = "") -> Json:
    container: Json = {
        "name": CONTAINER[chart],
        "image": IMAGE[chart],
        "env": [
            {
                "name": f"{PREFIX[chart]}_LICENSE",
                "valueFrom": {"secretKeyRef": {"name": f"{fullname}-license", "key": chart}},
            },
            {"name": f"{PREFIX[chart]}_LICENSE_FILE_PATH", "value": "/etc/rstudio-licensing/mine.lic"},
            {"name": "PASSWORD", "value": CANARY},
        ],
        "volumeMounts": [
            {"name": "license-file", "mountPath": "/etc/rstudio-licensing"},
            {"name": f"{chart}-data", "mountPath": data or DATA[chart]},
        ],
    }
    if chart == "rstudio-pm":
        container["securityContext"] = {"runAsUser": 999}
    return {
        "serviceAccountName": fullname,
        "containers": [container],
        "volumes": [
            {"name": "license-file", "secret": {"secretName": "our-license"}},
            {"name": f"{chart}-data", "persistentVolumeClaim": {"claimName": f"{fullname}-shared-storage"}},
        ],
    }


def release(
    chart: str,
    name: str = "",
    *,
    namespace: str = "posit",
    fullname: str = "",
    chart_label: str = "",
    helm: bool = True,
    values: Any = None,
    data: str = "",
    ready: bool = True,
    apply_method: str = "",
) -> list[Json]:
    """What `helm install` leaves behind; without `helm`, what Argo CD does. With `apply_method` ssa its manifest names
    one object of each kind that the charts render."""
    name = name or chart.removeprefix("rstudio-")
    fullname = fullname or f"{name}-{chart}"
    selector = {"app.kubernetes.io/name": chart_label or chart, "app.kubernetes.io/instance": name}
    annotations = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace} if helm else {}
    spec = pod_spec(chart, fullname, data=data)
    full_labels = selector | {"helm.sh/chart": f"{chart}-{CHART[chart]}"}
    claim, volume = f"{fullname}-shared-storage", f"pv-of-{namespace}-{fullname}"
    own = {"metadata": {"annotations": annotations}}
    objects = [
        body(
            "Deployment",
            fullname,
            namespace,
            spec={"replicas": 1, "selector": {"matchLabels": selector}, "template": {"spec": spec}},
            status={
                "observedGeneration": 1,
                **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1),
            },
        ),
        body("ConfigMap", f"{fullname}-config", namespace, data={f"{chart}.gcfg": GCFG[chart]}, **own),
        body("Service", fullname, namespace, metadata={"annotations": annotations, "labels": full_labels}),
        body(
            "Pod",
            f"{fullname}-0",
            namespace,
            metadata={"labels": selector},
            spec=spec | {"nodeName": "node-1"},
            status={"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
        ),
        body(
            "PersistentVolumeClaim",
            claim,
            namespace,
            spec={"accessModes": ["ReadWriteMany"], "storageClassName": "files", "volumeName": volume},
            status={"phase": "Bound"},
        ),
        body(
            "PersistentVolume",
            volume,
            "",
            spec={"csi": {"driver": "smb.csi.k8s.io"}, "mountOptions": ["uid=999", f"password={CANARY}"]},
        ),
        body("ServiceAccount", fullname, namespace),
        body("Secret", f"{fullname}-license", namespace, data=encoded({chart: f"{CANARY}\n"})),
        body("Secret", "our-license", namespace, data=encoded({"mine.lic": CANARY, "other": ""})),
    ]
    if helm:
        values = {"license": {"key": CANARY}} if values is None else values
        how = {"manifest": manifest(fullname), "apply_method": apply_method} if apply_method else {}
        objects.append(helm_secret(name, chart, CHART[chart], namespace=namespace, values=values, **how))
    return objects


def manifest(fullname: str) -> str:
    named = {"ConfigMap": f"{fullname}-config", "Secret": f"{fullname}-license"}
    return "\n---\n".join(
        json.dumps(
            {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": {"name": named.get(resource.kind, fullname)},
            }
        )
        for resource in CHART_OBJECTS
    )


def surroundings() -> list[Json]:
    """What the releases share: storage, and the namespace where Connect's content runs."""
    subject = {"kind": "ServiceAccount", "name": "connect-rstudio-connect", "namespace": "posit"}
    return [
        body("StorageClass", "files", "", provisioner="smb.csi.k8s.io", parameters={"source": "//server/share"}),
        body("CSIDriver", "smb.csi.k8s.io", "", spec={"fsGroupPolicy": "ReadWriteOnceWithFSType"}),
        body("ServiceAccount", "default", "content"),
        body(
            "RoleBinding",
            "connect-rstudio-connect",
            "content",
            roleRef={"kind": "Role", "name": "connect-rstudio-connect"},
            subjects=[subject, {"kind": "User", "name": "someone"}],
        ),
    ]


def content_job(
    name: str, account: str = "", *, claim: str = CONNECT_CLAIM, sub_path: str = "", container: str = "connect-content"
) -> Json:
    spec: Json = {"containers": [{"name": container, "image": "posit/connect-content:r4"}]}
    if account:
        spec["serviceAccountName"] = account
    if claim:
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    if sub_path:
        spec["securityContext"] = {"runAsUser": 999, "runAsGroup": 999}
        spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/mnt/app", "subPath": sub_path}]
    return body("Job", name, "content", spec={"template": {"spec": spec}})
