"""From a release's Helm record to what an upgrade would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.catalog import Catalog
from auditor.catalog.versions import order, parse
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.keypath import MISSING, look_up
from auditor.model.ownership import PACKAGE_MANAGER_USER, Owner
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseRef
from auditor.model.target import Target
from auditor.names.keys import note as shown
from auditor.values.coalesce import coalesce
from auditor.values.lint import judge
from auditor.values.migration import migrate_values


@dataclass(frozen=True, kw_only=True)
class Upgrades:
    """Which chart version is asked for, by product, and the catalog to judge it by. `defaults`: of the charts
    themselves, where they are at hand; else the catalog's."""

    versions: Mapping[Product, str]
    catalog: Catalog
    defaults: Mapping[Product, Mapping[str, Any]] = field(default_factory=dict)

    def target(self, release: ReleaseRef, product: Product, record: HelmRecord | Unseen | None) -> Target | Unseen:
        """Unseen where nobody can tell what the upgrade would do."""
        version = self.versions[product]
        if isinstance(record, Unseen):
            return record
        if record is None:
            return Unseen(
                reason=f"What chart {version} would make of release {release} can't be told: it was installed without "
                "Helm, so its values are not stored in the cluster.",
                how="Judge the values file where it is kept: posit-audit lint FILE --to " + version,
            )
        present = parse(record.chart_version)
        if present is None:
            return Unseen(
                reason=f"Release {release} is at chart {record.chart_version}, which is no SemVer version, so what an "
                "upgrade from it would do can't be told.",
                how="Judge the values file by the version it was made from: posit-audit lint FILE --from VERSION.",
            )
        if present > order(version):
            return Unseen(
                reason=f"Release {release} is at chart {record.chart_version}, which is newer than {version}: the way "
                "back is not judged and never planned.",
                how=f"Ask for {record.chart_version} or a newer one.",
            )
        if record.chart_version == version:
            return _at_target(record, version, release)
        return _judged(self.catalog, record, version, release, self.defaults.get(product))


def _at_target(record: HelmRecord, version: str, release: ReleaseRef) -> Target | Unseen:
    if record.status in (HelmStatus.DEPLOYED, HelmStatus.FAILED):
        return Target(present=version, version=version, failed=record.status is HelmStatus.FAILED)
    return Unseen(
        reason=f"Revision {record.revision} of release {release} has chart {version} and is {record.status}, so whether"
        " the release gets there is not known yet.",
        how="Let Helm end, or roll back where it was cut off, and look again.",
    )


def _judged(
    catalog: Catalog, record: HelmRecord, version: str, release: ReleaseRef, defaults: Mapping[str, Any] | None
) -> Target | Unseen:
    chart, values, present = catalog.chart(record.chart_name), record.values.reveal(), record.chart_version
    namespace = release.namespace
    try:
        migrated, notes = migrate_values(values, chart, from_version=present, to_version=version, namespace=namespace)
        lint = judge(
            values,
            chart,
            from_version=present,
            to_version=version,
            from_defaults=record.defaults.reveal(),
            to_defaults=defaults,
            namespace=namespace,
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # Only the exception's type is told: its text may hold a value.
        return Unseen(
            reason=f"The values of release {release} have a shape that can't be read ({type(error).__name__}).",
            how="Please report this with the values' shape, without the values.",
        )
    seen = coalesce(migrated, chart.values_at(version) if defaults is None else defaults)
    return Target(
        present=present,
        version=version,
        lint=lint,
        notes=tuple(map(shown, notes)),
        owner=_owner(seen, version) if chart.name == Product.PACKAGE_MANAGER else None,
        catalog=catalog.added,
        image=_image(seen, chart.app_version(version) or ""),
        ownership_hook=bool(_found(seen, "enableMigration")),
    )


def _image(seen: Mapping[str, Any], app_version: str) -> str:
    """As the charts' templates put it together: the operating system behind the version, before that in front of it."""
    repository, tag = _found(seen, "image", "repository"), _found(seen, "image", "tag")
    version = _found(seen, "versionOverride") or app_version
    if not tag and version:
        system = _found(seen, "image", "os")
        tag = f"{version}-{system}" if system else f"{_found(seen, 'image', 'tagPrefix') or ''}{version}"
    known = isinstance(repository, str) and repository and isinstance(tag, str | int) and tag
    return f"{repository}:{tag}" if known else ""


def _owner(seen: Mapping[str, Any], version: str) -> Owner | Unseen | None:
    """A container's security context wins over the pod's."""
    levels = ("containerSecurityContext", "securityContext")
    user = next((u for level in levels if (u := _found(seen, "pod", level, "runAsUser")) is not None), None)
    group = next((g for level in levels if (g := _found(seen, "pod", level, "runAsGroup")) is not None), None)
    if not isinstance(user, int):
        return None
    if isinstance(group, int):
        return Owner(user, group)
    if user in (0, PACKAGE_MANAGER_USER.uid):
        return Owner(user, PACKAGE_MANAGER_USER.gid if user else 0)
    return Unseen(
        reason=f"The values set runAsUser to {user} and no runAsGroup, so which group the files need under chart "
        f"{version} is the image's secret.",
        how="Set pod.containerSecurityContext.runAsGroup.",
    )


def _found(seen: Mapping[str, Any], *path: str) -> Any:
    found = look_up(seen, path)
    return None if found is MISSING else found
