"""The facets of a release that a rule can't do without. Each raises NotSeenError where there is nothing to judge."""

from __future__ import annotations

from auditor.catalog.versions import parse
from auditor.model.helm import HelmRecord
from auditor.model.seen import NotSeenError, Unseen, seen
from auditor.model.snapshot import Config, Content, ReleaseState, Workload
from auditor.model.target import Target


def helm_record(release: ReleaseState) -> HelmRecord:
    record = seen(release.helm)
    if record is None:
        raise NotSeenError(
            Unseen(
                reason="It was installed without Helm, so its values are not stored in the cluster.",
                how="Look at the values where they are kept, such as the repository that Argo CD deploys from.",
            )
        )
    return record


def chart_version(record: HelmRecord) -> str:
    """One that can be compared."""
    if parse(record.chart_version) is None:
        raise NotSeenError(
            Unseen(
                reason=f"Its chart's version, {record.chart_version}, is no SemVer version, so which facts hold for it "
                "can't be told.",
                how="See which version of Posit's chart it was made from.",
            )
        )
    return record.chart_version


def target_of(release: ReleaseState) -> Target:
    """Raises NotSeenError also where no upgrade was asked for; the judge asks no rule about upgrades then."""
    found = seen(release.target)
    if found is None:
        raise NotSeenError(Unseen(reason="No upgrade was asked for.", how="Name a chart version with --to."))
    return found


def workload(release: ReleaseState) -> Workload:
    found = seen(release.workload)
    if found is None:
        raise _absent(release, f"Deployment {release.fullname}")
    return found


def config(release: ReleaseState) -> Config:
    found = seen(release.config)
    if found is None:
        raise _absent(release, f"ConfigMap {release.fullname}-config")
    return found


def content(release: ReleaseState) -> Content:
    found = seen(release.content)
    if found is None:
        raise _absent(release, f"ConfigMap {release.fullname}-config")
    return found


def product_version(release: ReleaseState) -> str:
    """One that can be compared."""
    version = seen(release.product_version)
    if parse(version) is None:
        raise NotSeenError(
            Unseen(
                reason=f"The image's tag doesn't tell the version of {release.product.full_name}.",
                how="See the version that the server shows to its administrators.",
            )
        )
    return version


def _absent(release: ReleaseState, name: str) -> NotSeenError:
    return NotSeenError(
        Unseen(
            reason=f"{name} is not there.",
            how=f"See what became of it: kubectl --namespace {release.ref.namespace} get deployments,configmaps",
        )
    )
