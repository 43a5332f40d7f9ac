"""The pod that posit-audit itself runs in, where it runs inside the cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import structlog

from auditor.errors import Forbidden, NotFound
from auditor.model.kubernetes import PODS, Access
from auditor.model.own_pod import OwnPod

if TYPE_CHECKING:
    from auditor.cluster.reader import Reader

OWN_POD_ACCESS: Final = Access(PODS, ("get",))
_NAME: Final = "POSIT_AUDIT_POD"
"""Set by manifests/ from the pod's metadata.name. Somebody's notebook in some pod has no such variable: its image has
nothing to do with us."""
_CONTAINER: Final = "posit-audit"

log = structlog.get_logger()


def own_pod(reader: Reader) -> OwnPod | None:
    """None outside a cluster, where the manifests did not start us, and where it may not be seen: nothing depends on
    it."""
    name = os.environ.get(_NAME)
    if not reader.connection.in_cluster or not name:
        return None
    namespace = reader.connection.namespace
    try:
        spec: dict[str, Any] = reader.get(PODS, namespace, name)["spec"]
    except (Forbidden, NotFound) as error:
        log.warning("own pod not seen", because=error.message)
        return None
    container = next((one for one in spec["containers"] if one["name"] == _CONTAINER), None)
    if container is None:
        return None
    return OwnPod(
        namespace=namespace,
        image=container["image"],
        image_pull_policy=container.get("imagePullPolicy") or "IfNotPresent",
        image_pull_secrets=tuple(one["name"] for one in spec.get("imagePullSecrets") or ()),
    )
