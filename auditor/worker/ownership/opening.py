"""Which records a run opens: its own to write to, or those that it undoes."""

from __future__ import annotations

import itertools
import os

from .belief import BRING_BACK, hold
from .former import Former
from .job import Kept
from .names import shown
from .past import Past, past_of
from .record import Record
from .siblings import numbered, part_of, records_in, shard_name
from .statx import Births
from .trouble import Foreign, Trouble, Unrelated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .job import Job

VERSION = 1


def open_records(job: Job) -> Kept:
    """None for a check, and if none is asked for. Raises Trouble, or OSError if a file can't be read."""
    kept = Kept(job.words)
    name = job.args.state
    if not name or job.mode == "check":
        return kept
    header = {"v": VERSION, "root": job.volume.top.st_ino, "uid": job.uid, "gid": job.gid}
    try:
        _open(job, kept, name, header)
    except (Trouble, OSError):
        for record, _ in kept.records:
            record.close()
        raise
    return kept


def _open(job: Job, kept: Kept, name: str, header: dict[str, Any]) -> None:
    if job.mode == "undo":
        _Undone(job, kept, header).open(name)
    else:
        kept.records.append(_own(job, name, header))
    for record, _ in kept.records:
        record.root_fd = job.volume.fd
        record.foreign = job.volume.syncs_alone or os.fstat(record.fd).st_dev != job.volume.dev
    above = os.stat(os.path.dirname(os.path.abspath(name)))
    if above.st_dev == job.volume.dev:
        kept.folder, kept.name = above.st_ino, os.path.basename(name)
    kept.record, past = kept.records[0]
    if job.mode == "undo":
        kept.former = Former(kept.records)
        for record, _ in kept.records:
            record.write("k")
    else:
        kept.claims, kept.specials = past.claims, past.specials


def _own(job: Job, name: str, header: dict[str, Any]) -> tuple[Record, Past]:
    """The record of a run: the first of FILE, FILE.1, ... that is not over and only root may have written."""
    if job.shards > 1:
        name = shard_name(name, job.shard, job.shards)
        header = dict(header, shard="%d/%d" % (job.shard, job.shards))
    for number in itertools.count():
        record = Record(numbered(name, number), header, job.words)
        record.open(create=True)
        if not record.exposed():
            past = past_of(record)
            if not record.exposed() and not past.over:
                break
        record.close()
    record.begin()
    return record, past


class _Undone:
    """The records to be undone: all of them are judged before any of them is written to."""

    def __init__(self, job: Job, kept: Kept, header: dict[str, Any]) -> None:
        self.job, self.kept, self.header = job, kept, header
        self.seals: dict[str, list[tuple[int, str]]] = {}  # by record: bytes and digest
        for record, size, digest in job.args.record:
            self.seals.setdefault(record, []).append((size, digest))

    def open(self, name: str) -> None:
        folder, base = os.path.split(os.path.abspath(name))
        parts = {part_of(record, base)[0] for record in self.seals if part_of(record, base)[1]}
        there = records_in(folder, base)
        for record in sorted(set(self.seals).difference(there)):
            raise Trouble(
                "record-gone",
                "The ownership record %s no longer exists, so the previous owners are unknown. No owner was changed. %s"
                % (shown(os.path.join(folder, record)), BRING_BACK),
            )
        for record in there or [base]:
            self._judge(folder, record, base, parts)
        if not self.kept.records:
            raise Trouble(
                "nothing-to-undo", "No ownership record %s of this run found: nothing is known to undo." % shown(name)
            )
        found = [os.fstat(record.fd) for record, _ in self.kept.records]
        if all(status.st_dev == self.job.volume.dev for status in found):  # one clock
            self.kept.births = Births.where_possible(max(status.st_mtime_ns for status in found))
        for opened, _ in self.kept.records:
            opened.begin()

    def _judge(self, folder: str, name: str, base: str, parts: set[str]) -> None:
        """Take one in, or leave it out, or raise if undo can't do without it."""
        job, part = part_of(name, base)
        header = dict(self.header, shard=part) if part else self.header
        record = Record(os.path.join(folder, name), header, self.job.words)
        asked = name in self.seals or job in parts
        try:
            record.open(create=False)
            hold(record, self.seals.get(name, []))
            past = past_of(record)
        except (Trouble, OSError) as problem:
            record.close()
            if self._stops(name, base, problem, asked=asked):
                raise
            self.kept.left_out.append(shown(name))
            return
        if past.lost:
            self.kept.left_out.append(shown(name))
        if past.lost or (past.last == "e" and self.seals and not asked):
            record.close()  # or of a finished run that is not asked for
        else:
            self.kept.records.append((record, past))

    def _stops(self, name: str, base: str, problem: Exception, *, asked: bool) -> bool:
        """Whether a record that can't be taken in stops the undo: one that is asked for, if only by asking for none.
        What no run of ours can have left stops it only in the place of the one that is asked for."""
        if isinstance(problem, (Unrelated, Foreign)):
            return name in self.seals or (name == base and not self.seals)
        return asked or not self.seals
