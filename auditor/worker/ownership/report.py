"""The last line of a run: what was done, in numbers, and the one sentence that a person should read."""

from __future__ import annotations

import os
import time

from .names import shown
from .tally import Tally
from .words import REASONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .job import Job
    from .owners import Owners


def explained(job: Job, tally: Tally, failed: int, owners: Owners | None, *, complete: bool) -> tuple[str, str]:
    """(code, sentence); empty if there is nothing to say."""
    if owners is not None and owners.refused_with and not owners.succeeded:
        from .refusal import refusal

        return refusal(owners.refused_with, job.volume.path, job.uid, job.gid)
    if job.kept.problem or job.damaged():
        return _about_the_record(job)
    if owners is not None and job.mode == "check" and "EACCES" in tally.failures and os.geteuid() != 0:
        return "unreadable", (
            "UID %d can't read some directories. Check as root with the capability DAC_OVERRIDE." % os.geteuid()
        )
    if failed and not complete:
        return "failed", "%d %s could not be %s. See failures, fix the cause, and run again." % (
            failed,
            "file" if failed == 1 else "files",
            "checked" if job.mode == "check" else "changed",
        )
    return "", ""


def _about_the_record(job: Job) -> tuple[str, str]:
    problem, name = job.kept.problem, shown(job.args.state)
    if problem in ("ENOSPC", "EDQUOT"):
        return "record-full", (
            "The disk of the ownership record %s is full (%s). The changes after that are not recorded, so this run "
            "can't be resumed or undone completely. Free up disk space and run again." % (name, problem)
        )
    if problem:
        return "record-not-kept", (
            "The ownership record %s could not be written (%s), so this run can't be resumed or undone."
            % (name, problem)
        )
    from .belief import BRING_BACK

    return "record-damaged", (
        "The ownership record %s is damaged: files that only the lost lines name keep their owner. %s"
        % (shown(job.damaged()[0].path), BRING_BACK)
    )


def summary(
    job: Job, tally: Tally, counts: dict[str, int], looked: dict[str, Any], owners: Owners | None, *, complete: bool
) -> dict[str, Any]:
    """All counts are entries; paths are below ROOT. docs/worker.md describes the fields."""
    code, message = explained(job, tally, counts["failed"], owners, complete=complete)
    taken = time.monotonic() - job.started
    root = job.volume.owner()
    return {
        "event": "summary",
        "mode": job.mode,
        "root": shown(job.volume.path),
        "uid": job.uid,
        "gid": job.gid,
        **counts,
        "vanished": tally.vanished,
        "complete": complete,
        "reason": REASONS.get(job.words[0]),
        "message": message or None,
        **({"code": code} if message else {}),
        "root_right": root == (job.uid, job.gid),
        "root_owner": "%d:%d" % root,
        "wrong_by_owner": Tally.public(tally.owners),
        "failures": Tally.public(tally.failures),
        "skipped": Tally.public(tally.skipped),
        "mode_bits": Tally.public(tally.bits),
        "looked": looked,
        "moved_aside": job.aside,
        "resumed": tally.resumed,
        **_records(job),
        "shard": "%d/%d" % (job.shard, job.shards) if job.shards > 1 else None,
        "processes": job.processes,
        "seconds": round(taken, 3),
        "per_second": round(counts["seen"] / taken) if taken else 0,
    }


def _records(job: Job) -> dict[str, Any]:
    """`earlier`: how many the sessions that were cut off before had written down, each just before it was changed: the
    last of them may not have come to that and then count as changed too."""
    kept = job.kept
    earlier, seals = 0, []
    if job.mode == "run" and kept.record:
        from .belief import seal

        earlier = kept.records[0][1].earlier
        seals = [each for each in (seal(kept.record),) if each]
    state = (
        {"path": shown(kept.record.path or job.args.state), "error": kept.problem or None} if job.args.state else None
    )
    return {"earlier": earlier, "state": state, "records": seals, "left_out": kept.left_out}
