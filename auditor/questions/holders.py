"""Who holds a field that Helm wants to set, and what follows from it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from auditor.model.held import HeldField
from auditor.names.fields import field
from auditor.names.shown import name


class Holder(StrEnum):
    HAND = "hand"
    """A person's tool, which comes back only if that person does."""
    CONTROLLER = "controller"
    """A program that sets the field again."""
    UNKNOWN = "unknown"


_BY_HAND: Final = frozenset({"kubectl", "oc", "k9s", "Lens", "node-fetch", "before-first-apply", "helm", "posit-audit"})
"""Field managers of such tools. `node-fetch` is Lens too, `helm` is Helm 3, and `before-first-apply` stands for every
client that changed an object before its first server-side apply
(https://kubernetes.io/docs/reference/using-api/server-side-apply/)."""
_ITS_COMMANDS: Final = ("kubectl-", "oc-")
"""kubectl-edit, kubectl-patch, kubectl-client-side-apply (https://github.com/kubernetes/kubectl/tree/master/pkg/cmd)."""
_CONTROLLERS: Final = {
    "kube-controller-manager": "Kubernetes' controller manager",
    "vpa-": "VerticalPodAutoscaler",
    "keda": "KEDA",
    "argocd-": "Argo CD",
    "helm-controller": "Flux",
    "kustomize-controller": "Flux",
    "flux": "Flux",
    "team-operator": "posit-dev/team-operator",
}
"""By how their managers begin (the same page; https://github.com/argoproj/argo-cd/blob/master/common/common.go;
https://github.com/fluxcd/helm-controller/blob/main/main.go)."""
_SCALE: Final = "scale"
_STATUS: Final = "status"
_AVOIDED_BY: Final = (
    ("f:replicas", "replicas"),
    ("f:resources", "resources"),
    ("f:image", "image.tag"),
    ("f:strategy", "strategy"),
    ("f:nodeSelector", "nodeSelector"),
    ("f:tolerations", "tolerations"),
)
"""The key of both charts' values that renders a field of the server's Deployment."""


def holder_of(held: HeldField) -> Holder:
    if controller_of(held):
        return Holder.CONTROLLER
    tools = held.manager in _BY_HAND or held.manager.startswith(_ITS_COMMANDS)
    by_hand = tools and name(held.manager) == held.manager  # undo must know it from the plan alone
    return Holder.HAND if by_hand else Holder.UNKNOWN


def controller_of(held: HeldField) -> str:
    """The name of the controller; "" if no known one holds it."""
    if held.subresource == _STATUS:
        return "The controller of its status"
    known = next((name for start, name in _CONTROLLERS.items() if held.manager.startswith(start)), "")
    if held.manager == "kube-controller-manager" and held.subresource == _SCALE:
        return "HorizontalPodAutoscaler"
    return known


def values_key(held: HeldField) -> str:
    """Which key of the values renders the field, as far as it is known."""
    if held.object.kind != "Deployment":
        return ""
    return next((key for field, key in _AVOIDED_BY if field in held.path), "")


def is_safe_to_hand_back(held: HeldField) -> bool:
    return holder_of(held) is Holder.HAND


def in_words(held: HeldField) -> str:
    """`.spec.replicas of Deployment x/y is 3 by kubectl, 1 by the chart`."""
    found, wanted = (str(held.observed), str(held.expected)) if held.shown else ("set", "another value")
    return f"{field(held)} of {held.object} is {found} by {name(held.manager)}, {wanted} by the chart"
