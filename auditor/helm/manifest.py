"""The objects of a rendered manifest, as Helm sends them. They may hold secrets: a ValueError's text too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

_HELM: Final = "Helm"
_RELEASE_NAME: Final = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"


class _Loader(yaml.CSafeLoader):
    """Without timestamps, which become strings in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def documents(manifest: str) -> Iterator[dict[str, Any]]:
    """Raises ValueError for what is no object."""
    try:
        for document in yaml.load_all(manifest, Loader=_Loader):
            if document is None:
                continue
            _ = document["apiVersion"], document["kind"]
            yield document
    except (KeyError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(type(error).__name__) from None


def belongs_to(live: Mapping[str, Any], release: str, namespace: str) -> bool:
    """Whether an object in the cluster says that it is of this release. Only who can write it can make it say so, and a
    manifest can name anything."""
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    return (annotations.get(_RELEASE_NAME), annotations.get(_RELEASE_NAMESPACE)) == (release, namespace)


def as_sent(document: Mapping[str, Any], release: str, namespace: str) -> dict[str, Any]:
    """With what Helm adds to each object (helm.sh/helm/v4/pkg/action/validate.go)."""
    metadata = document.get("metadata") or {}
    return {
        **document,
        "metadata": {
            "namespace": namespace,
            **metadata,
            "labels": {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": _HELM},
            "annotations": {
                **(metadata.get("annotations") or {}),
                _RELEASE_NAME: release,
                _RELEASE_NAMESPACE: namespace,
            },
        },
    }
