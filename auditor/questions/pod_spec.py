"""What a pod's spec says, read as Kubernetes reads it: a container's security context wins over the pod's.
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.catalog.versions import order
from auditor.model.product import Product
from auditor.model.snapshot import ReleaseState
from auditor.questions import required

NOT_ROOT_SINCE = "0.4.0"
"""From this chart version on Package Manager's pod does not run as root.
https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/NEWS.md"""


def container(pod_spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The container called `name`; empty where there is none."""
    return next((c for c in pod_spec.get("containers") or () if c.get("name") == name), {})


def security_setting(pod_spec: Mapping[str, Any], container_name: str, key: str) -> Any:
    """A security context's `key` as it is in force in the container; None where neither level sets it."""
    for level in (container(pod_spec, container_name), pod_spec):
        value = (level.get("securityContext") or {}).get(key)
        if value is not None:
            return value
    return None


def run_as_user(pod_spec: Mapping[str, Any], container_name: str) -> int | None:
    """The user that the container is told to run as; None leaves it to the image."""
    user = security_setting(pod_spec, container_name, "runAsUser")
    return None if user is None else int(user)


def runs_as_root(release: ReleaseState) -> bool | None:
    """Whether Package Manager's server runs as root; None where only the image knows. Raises NotSeenError."""
    spec = required.workload(release).pod_spec.reveal()
    user = run_as_user(spec, release.product.container)
    if user is not None:
        return user == 0
    if security_setting(spec, release.product.container, "runAsNonRoot"):
        return False
    version = release.chart_version
    if release.product is Product.PACKAGE_MANAGER and isinstance(version, str):
        return True if order(version) < order(NOT_ROOT_SINCE) else None
    return None
