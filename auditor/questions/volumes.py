"""What is known of the volumes behind a release's claims, and of the looks into them."""

from __future__ import annotations

from auditor.model.finding import Judgement, passed, unknown
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import OwnershipProbe, entries
from auditor.model.seen import NotSeenError, Unseen, seen
from auditor.model.snapshot import ReleaseState, Volume

_LOOK = "Run with --probe auto while a pod that mounts it is ready, or with --probe job."


def volume_of(release: ReleaseState, claim: str) -> Volume | None:
    """The volume behind a claim; None where there is none or none was seen."""
    volumes = () if isinstance(release.volumes, Unseen) else release.volumes
    return next((volume for volume in volumes if volume.claim == claim), None)


def any_owner_will_do(release: ReleaseState, claim: str) -> str:
    """Why nobody minds whose the files on the volume behind it are; "" where somebody does, or may."""
    volume = volume_of(release, claim)
    row = volume.row if volume else None
    if row is None or not row.identity_replaced:
        return ""
    return f"No owner on the volume behind PersistentVolumeClaim {release.ref.namespace}/{claim} is wrong: {row.why}."


def probe_of(release: ReleaseState, claim: str) -> OwnershipProbe:
    """The look into a claim. Raises NotSeenError where there was none or it failed."""
    probe = next((probe for probe in seen(release.ownership) if probe.claim.name == claim), None)
    if probe is None:
        ref = ObjectRef("PersistentVolumeClaim", release.ref.namespace, claim)
        raise NotSeenError(Unseen(reason=f"{ref} was not looked into.", how=_LOOK))
    if probe.problem is not None:
        raise NotSeenError(probe.problem)
    return probe


def probes(release: ReleaseState) -> tuple[tuple[ObjectRef, OwnershipProbe | Unseen], ...]:
    """Each claim that was looked into, or is there to be looked into, with what was found."""
    told = {probe.claim: probe.problem or probe for probe in seen(release.ownership)}
    claims = () if isinstance(release.claims, Unseen) else release.claims
    missed = {
        claim.ref: Unseen(reason=f"{claim.ref} was not looked into.", how=_LOOK)
        for claim in claims
        if claim.exists and claim.ref not in told
    }
    return tuple(sorted({**told, **missed}.items()))


def looked_at(probe: OwnershipProbe) -> str:
    """How much: "2,000 entries"; "200,000 of about 3,000,000 entries" where a look ended at its limit."""
    if probe.exhaustive or not probe.estimated or probe.estimated <= probe.seen:
        return entries(probe.seen)
    return f"{probe.seen:,} of about {probe.estimated:,} entries"


def certainty(probe: OwnershipProbe) -> str:
    """A clause on what a look that was not exhaustive can miss."""
    if probe.exhaustive or probe.detectable_share is None:
        return ""
    strewn = f"{100 * probe.detectable_share:.2g}% of all"
    whole = probe.detectable_directories
    directories = f", or fill {100 * whole:.2g}% of the directories" if whole is not None else ""
    return f"; a look like this meets wrong ones with 95 % where they are {strewn}{directories}"


def nothing_wrong(probe: OwnershipProbe) -> Judgement:
    """Of a look that met no wrong entry: whether that proves anything."""
    if probe.exhaustive or probe.detectable_share is not None:
        return passed(probe.claim, f"{looked_at(probe)} on {probe.claim} belong to {probe.expected}{certainty(probe)}.")
    return unknown(
        probe.claim,
        f"The first {entries(probe.seen)} on {probe.claim} belong to {probe.expected}; the rest was not looked at.",
        "Scan again with more time for the look into the volume.",
    )
