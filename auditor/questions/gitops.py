"""Tools that deploy a release from a repository, and would take back what is changed in the cluster.

https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
https://fluxcd.io/flux/components/helm/helmreleases/ and https://fluxcd.io/flux/components/kustomize/kustomizations/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auditor.model.snapshot import ReleaseRef

_MARKS: Final = {
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
}


def deployed_by(metadata: Mapping[str, Any]) -> str:
    """The tool that marked an object by a label or an annotation; "" where none did."""
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    return next((tool for key, tool in _MARKS.items() if key in marks), "")


def would_be_taken_back(release: ReleaseRef, tool: str) -> str:
    return (
        f"Release {release} is managed by {tool}, which would take the change back: make it in the repository that"
        f" {tool} reads."
    )
