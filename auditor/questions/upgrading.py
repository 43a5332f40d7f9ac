"""The way to the chart version that was asked for, as a fix: made whole, or held with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor import __version__
from auditor.model.action import Action, ChangeOwnership, UpgradeRelease, ValueEdit
from auditor.model.finding import Fix
from auditor.model.ownership import Owner, OwnershipProbe
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, Unseen, seen
from auditor.model.snapshot import Claim, ReleaseState, Workload
from auditor.model.target import Target
from auditor.names.shown import key
from auditor.questions import required
from auditor.questions.pod_spec import runs_as_root
from auditor.questions.reowning import change_ownership
from auditor.questions.stopping import has_python, start, stop, stopped_from
from auditor.questions.volumes import any_owner_will_do, probe_of, volume_of

_HOOK_OFF = ValueEdit(
    op="set",
    path=("enableMigration",),
    value=False,
    reason="the chart's ownership hook; ownership is a step of its own",
)


def owner_changes(release: ReleaseState, target: Target) -> bool:
    """Whether Package Manager runs as root now and as another user there. Raises NotSeenError."""
    if release.product is not Product.PACKAGE_MANAGER or not runs_as_root(release):
        return False
    owner = seen(target.owner)
    return owner is not None and owner.uid != 0


def upgrade_fix(release: ReleaseState, target: Target) -> Fix:
    """Raises NotSeenError where the release's own state wasn't seen."""
    undecided = "; ".join(f"{note.key}: {note.message}" for note in target.open_questions)
    if undecided:
        return Fix(summary=f"A person must decide before the upgrade to {target.version}: {undecided}.", safe=False)
    try:
        actions = tuple(_actions(release, target))
    except NotSeenError as error:
        reason = f"The upgrade to {target.version} can't be planned: {error.unseen.reason} {error.unseen.how}"
        return Fix(summary=reason.strip(), safe=False)
    return Fix(summary=f"Upgrade the release to chart {target.version} with its values migrated.", actions=actions)


def _actions(release: ReleaseState, target: Target) -> Iterator[Action]:
    if not owner_changes(release, target):
        yield _upgrade(release, target)
        return
    # What root writes after the change of owner would be wrong again: nothing may write between it and the upgrade.
    workload = required.workload(release)
    owns = tuple(_owns(release, workload, target))
    python = all(not own.placement.posix for own in owns)
    if workload.replicas:
        yield stop(workload, python=python)
    yield from owns
    yield _upgrade(release, target)
    if workload.replicas or stopped_from(workload):
        yield start(workload, python=python)


def _owns(release: ReleaseState, workload: Workload, target: Target) -> Iterator[ChangeOwnership]:
    for claim in seen(release.claims):
        if not claim.exists or any_owner_will_do(release, claim.ref.name):
            continue  # claim-missing tells the one, nobody minds the other
        volume = volume_of(release, claim.ref.name)
        row = volume.row if volume else None
        if row and row.ownership in ("chown-pointless", "unsuitable"):
            raise NotSeenError(
                Unseen(reason=f"Ownership can't be changed on {row.title}, since {row.why}.", how=f"{row.instead}.")
            )
        action = change_ownership(release, _probe(release, workload, claim, target))
        yield msgspec.structs.replace(action, after_stop=True)


def _probe(release: ReleaseState, workload: Workload, claim: Claim, target: Target) -> OwnershipProbe:
    """Where we stopped the server in an earlier run nobody can look; the Job finds out by itself what is wrong."""
    owner = seen(target.owner)
    if stopped_from(workload) is None or not isinstance(owner, Owner):
        return probe_of(release, claim.ref.name)
    return OwnershipProbe(
        claim=claim.ref,
        pod="",
        path=claim.mount_path,
        expected=owner,
        expected_because=f"the user that chart {target.version} runs it as",
        for_version=target.version,
        root_activations=("verify",),
        method="python" if has_python(workload) else "posix",
    )


def _upgrade(release: ReleaseState, target: Target) -> UpgradeRelease:
    record, workload = required.helm_record(release), required.workload(release)
    return UpgradeRelease(
        namespace=release.ref.namespace,
        release=release.ref.name,
        chart=record.chart_name,
        from_version=record.chart_version,
        to_version=target.version,
        revision=record.revision,
        values_digest=record.values_digest,
        settings=(_HOOK_OFF,) if target.ownership_hook else (),
        notes=target.notes,
        changes=tuple(f"{key(finding.key)}: {finding.message}" for finding in target.findings("changes")),
        wait=workload.ready_replicas > 0 or stopped_from(workload) is not None,
        made_by=__version__,
        catalog=target.catalog,
    )
