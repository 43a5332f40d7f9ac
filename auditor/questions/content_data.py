"""What a look at a directory that content mounts comes to, and what can be done about it."""

from __future__ import annotations

from auditor.model.finding import Evidence, Fix
from auditor.model.ownership import ContentDirectory, entries
from auditor.model.seen import NotSeenError
from auditor.model.snapshot import ReleaseState
from auditor.questions.reowning import give_directory


def evidence(one: ContentDirectory) -> tuple[Evidence, ...]:
    """Of what its user does not get at; empty where it gets at all that was seen."""
    rows = [
        Evidence(
            object=one.claim,
            field=f"owner and mode of entries below {one.path}",
            observed=f"{row.count:,} of {row.owner} can't be read, such as {', '.join(row.samples)}",
            expected=f"readable by {one.user}, as which {one.used_by} runs",
        )
        for row in one.unreadable
    ]
    if one.writes and not one.top_writable:
        rows.append(
            Evidence(
                object=one.claim,
                field=f"owner and mode of {one.path}",
                observed=f"belongs to {one.top_owner}, and can't be written to",
                expected=f"writable by {one.user}: {one.used_by} mounts it for that",
            )
        )
    return tuple(rows)


def doubt(one: ContentDirectory) -> str:
    """Why it can't be said that its user gets at all of it, or ""."""
    if one.has_acl:
        return (
            f"{one.has_acl:,} of {entries(one.seen)} in {one.path} on {one.claim} are shut to {one.user} by their"
            " mode bits, and carry access control lists that may let it in."
        )
    if not one.exhaustive:
        return (
            f"{one.user}, as which {one.used_by} runs, gets at the first {entries(one.seen)} in {one.path} on"
            f" {one.claim}; the rest was not seen."
        )
    return ""


def repair(release: ReleaseState, one: ContentDirectory) -> Fix:
    """Nothing of Connect's is given away unasked: other content may use the directory as another user."""
    owners = {row.owner.uid for row in one.unreadable}
    if not one.top_writable and one.top_owner:
        owners.add(one.top_owner.uid)
    if one.user is None or one.user.uid in owners:
        return Fix(
            summary=f"Some of it belongs to {one.user} and is shut to its own owner: correct the mode bits with chmod.",
            safe=False,
        )
    summary = f"Give what is in {one.sub_path} on {one.claim} to {one.user} with a Job."
    try:
        return Fix(summary=summary, actions=(give_directory(release, one, one.user),), safe=False)
    except NotSeenError as error:
        return Fix(summary=f"{summary} None can be planned: {error.unseen.reason}", safe=False)
