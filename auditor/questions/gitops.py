"""Tools that deploy a release from a repository, and would take back what is changed in the cluster.

https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
https://fluxcd.io/flux/components/helm/helmreleases/ and https://fluxcd.io/flux/components/kustomize/kustomizations/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auditor.model.snapshot import ReleaseRef

ARGO_CD: Final = "Argo CD"
_MARKS: Final = {
    "argocd.argoproj.io/instance": ARGO_CD,
    "argocd.argoproj.io/tracking-id": ARGO_CD,
    "helm.toolkit.fluxcd.io/name": "Flux",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
}

_MARKS_OF_UNLABELLED: Final = _MARKS | {"app.kubernetes.io/instance": ARGO_CD}
"""Argo CD before 3.0 tracks by this label, which the charts put on Services and claims, and on no Deployment or
configuration."""


def deployed_by(metadata: Mapping[str, Any], *, unlabelled: bool = False) -> str:
    """The tool that marked an object by a label or an annotation; "" where none did. `unlabelled`: the charts give
    such an object no label."""
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    known = _MARKS_OF_UNLABELLED if unlabelled else _MARKS
    return next((tool for key, tool in known.items() if key in marks), "")


def would_be_taken_back(release: ReleaseRef, tool: str) -> str:
    return (
        f"Release {release} is managed by {tool}, which would take the change back: make it in the repository that"
        f" {tool} reads."
    )
