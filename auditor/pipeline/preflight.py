"""Ask what the present identity may do, before anything relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auditor.cluster.connect import connect
from auditor.cluster.reader import Reader
from auditor.model.preflight import Missing, Need, Preflight
from auditor.pipeline.access import for_fix, for_scan, for_upgrade
from auditor.settings import ClusterSettings

Purpose = Literal["scan", "fix", "upgrade"]
_NEEDS = {"scan": for_scan, "fix": for_fix, "upgrade": for_upgrade}


def preflight(settings: ClusterSettings, purpose: Purpose, namespaces: tuple[str, ...]) -> Preflight:
    """`namespaces` empty: all. Raises ClusterError or ApiError where it can't be asked."""
    reader = Reader(connect(settings))
    asked = list(_questions(_NEEDS[purpose](), namespaces))
    return Preflight(
        purpose=purpose,
        identity=reader.whoami(),
        namespaces=namespaces,
        asked=len(asked),
        missing=tuple(
            Missing(need=need, namespace=namespace)
            for need, namespace in asked
            if not reader.allowed(need.access, need.verb, namespace)
        ),
    )


def _questions(needs: tuple[Need, ...], namespaces: tuple[str, ...]) -> Iterator[tuple[Need, str]]:
    for need in needs:
        for namespace in namespaces if need.access.resource.granted_in_namespace and namespaces else ("",):
            yield need, namespace
