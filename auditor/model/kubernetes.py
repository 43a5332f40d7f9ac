"""Kubernetes' own nouns as far as they are needed: which resource, which object, and who may do what with it."""

from __future__ import annotations

import msgspec

from auditor.printable import name


class Resource(msgspec.Struct, frozen=True):
    """A resource of the API: `Resource("apps", "v1", "deployments", "Deployment")`; the core group is ""."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def granted_in_namespace(self) -> bool:
        """Whether a Role can grant it: to RBAC a Namespace lies in itself, although its path doesn't say so."""
        return self.namespaced or self == NAMESPACES


SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SERVICES = Resource("", "v1", "services", "Service")
PODS = Resource("", "v1", "pods", "Pod")
EVENTS = Resource("", "v1", "events", "Event")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
JOBS = Resource("batch", "v1", "jobs", "Job")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
SERVICE_MONITORS = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
LOCAL_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview")
STORAGE_CLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
CSI_DRIVERS = Resource("storage.k8s.io", "v1", "csidrivers", "CSIDriver", namespaced=False)


CHART_OBJECTS = (
    SECRETS,
    CONFIG_MAPS,
    SERVICES,
    SERVICE_ACCOUNTS,
    CLAIMS,
    DEPLOYMENTS,
    ROLES,
    ROLE_BINDINGS,
    INGRESSES,
    POD_DISRUPTION_BUDGETS,
)
"""What the charts render, hooks excluded, and every cluster has. ServiceMonitors are not among them: `kubectl create
role` grants nothing on a kind that is not installed."""


def chart_object(api_version: str, kind: str) -> Resource | None:
    """None for what the charts do not render themselves, such as an extra object of the user's."""
    return next(
        (one for one in (*CHART_OBJECTS, SERVICE_MONITORS) if (one.api_version, one.kind) == (api_version, kind)), None
    )


class Access(msgspec.Struct, frozen=True):
    """One grant of a role: verbs on a resource or, as in `pods/exec`, its subresource. The roles in manifests/ are
    generated from these."""

    resource: Resource
    verbs: tuple[str, ...]
    subresource: str = ""


class ObjectRef(msgspec.Struct, frozen=True, order=True):
    """One object: `namespace` is "" for cluster-scoped ones."""

    kind: str
    namespace: str
    name: str

    @property
    def printed(self) -> ObjectRef:
        """For what is kept and not acted on."""
        return ObjectRef(self.kind, self.namespace, name(self.name))

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {name(f'{where}{self.name}')}"
