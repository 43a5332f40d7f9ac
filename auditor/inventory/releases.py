"""Helm's release Secrets: their list by metadata alone, and single gets of what is ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

import msgspec

from auditor.catalog.versions import parse
from auditor.errors import UnreadableRelease
from auditor.helm.decode import decode_release
from auditor.inventory.asking import Asker, Json, Look, reading
from auditor.inventory.found import StoredRelease
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.kubernetes import SECRETS, SERVICES, Access
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet, ReleaseRef

STORED_BY_HELM: Final = {"labels": "owner=helm", "fields": "type=helm.sh/release.v1"}
"""helm.sh/helm/v4/pkg/storage/driver/secrets.go"""
STUCK: Final = frozenset(
    {
        HelmStatus.FAILED,
        HelmStatus.UNINSTALLING,
        HelmStatus.PENDING_INSTALL,
        HelmStatus.PENDING_UPGRADE,
        HelmStatus.PENDING_ROLLBACK,
    }
)
_BROUGHT_TO_END: Final = frozenset({HelmStatus.DEPLOYED, HelmStatus.SUPERSEDED})
_LONGEST_NAME: Final = 63


def newest(secrets: Iterable[Json]) -> dict[ReleaseRef, StoredRelease]:
    """From metadata-only Secrets. A Secret of Helm's type without Helm's labels is nobody's."""
    found: dict[ReleaseRef, StoredRelease] = {}
    for secret in secrets:
        metadata = secret["metadata"]
        labels = metadata.get("labels") or {}
        name, version = labels.get("name", ""), labels.get("version", "")
        if not name or not version.isdecimal():
            continue
        ref, status = ReleaseRef(metadata.get("namespace", ""), name), labels.get("status", "")
        one = StoredRelease(
            ref=ref,
            revision=int(version),
            status=status,
            secret=metadata["name"],
            deployed_once=status in _BROUGHT_TO_END,
        )
        other = found.get(ref, one)
        found[ref] = msgspec.structs.replace(
            max(one, other, key=lambda stored: stored.revision),
            deployed_once=one.deployed_once or other.deployed_once,
        )
    return found


def read_release(ask: Asker, namespace: str, secret: str) -> HelmRecord:
    """Raises NotSeenError, also where it doesn't decode."""
    body = ask.get(SECRETS, namespace, secret)
    where = f"Secret {namespace}/{secret}"
    if body is None:
        raise NotSeenError(Unseen(reason=f"{where} went away while it was looked for.", how="Run the scan again."))
    try:
        return decode_release((body.get("data") or {}).get("release") or "", where)
    except UnreadableRelease as error:
        raise NotSeenError(Unseen(reason=error.message, how=error.hint)) from None


@reading(Facet.HELM, Access(SECRETS, ("get", "list")))
def helm(look: Look) -> HelmRecord | None:
    found = look.found
    if found.record or found.stored is None:
        return found.record
    if isinstance(found.stored, Unseen):
        raise NotSeenError(found.stored)
    record = read_release(look.ask, look.namespace, found.stored.secret)
    if record.chart_name != found.product.value:
        # Helm's record holds neither the dependencies' defaults nor their versions, and values sit one level deeper.
        _not_seen(
            Unseen(
                reason=f"Release {found.ref} is of chart {record.chart_name}, which brings {found.product.value} as a "
                "dependency; Helm's record doesn't hold that chart's values and version.",
                how=f"Read them with: helm get values --all -n {look.namespace} {found.ref.name}",
            )
        )
    return record


@reading(Facet.CHART_VERSION, Access(SERVICES, ("get",)))
def chart_version(look: Look) -> str:
    record = helm.or_unseen(look)
    if isinstance(record, HelmRecord):
        return _comparable(look, record.chart_version)
    service = look.ask.get(SERVICES, look.namespace, look.found.fullname)
    label = (((service or {}).get("metadata") or {}).get("labels") or {}).get("helm.sh/chart", "")
    version = label.removeprefix(f"{look.found.product.value}-")
    if version in (label, ""):
        _not_seen(
            Unseen(
                reason=f"Service {look.namespace}/{look.found.fullname} has no label helm.sh/chart that tells "
                "the chart's version, and there is no release record of Helm.",
                how="Look up the chart's version where the release is deployed from.",
            )
        )
    # A label can't hold "+", so that Helm writes "_" for it.
    return _comparable(look, str(version.replace("_", "+")))


def _comparable(look: Look, version: str) -> str:
    if parse(version) is None:
        _not_seen(
            Unseen(
                reason=f"The chart's version of {look.found.ref}, {version}, is no SemVer version, so which facts hold "
                "for it can't be told.",
                how="See which version of Posit's chart it was made from.",
            )
        )
    return version


def fullname(product: Product, release: str, values: Mapping[str, Any]) -> str:
    """As `rstudio-library.fullname` makes it, from values merged over the defaults."""
    name = values.get("fullnameOverride")
    if not name:
        chart = str(values.get("nameOverride") or product.value)
        name = release if chart in release else f"{release}-{chart}"
    return str(name)[:_LONGEST_NAME].rstrip("-")


def _not_seen(unseen: Unseen) -> NoReturn:
    raise NotSeenError(unseen)
