"""A run from its command line to its exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time

from .arguments import arguments
from .job import Job
from .names import ROOT_KEY, shown
from .output import Output
from .report import summary
from .trouble import Trouble
from .words import CHANGED, DONE, FAILED, LOST, SEEN, STOPPED, UNKEPT, WANTED, WRONG, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .processes import Helpers
    from .walk import Walk

TERMINATED = 128 + signal.SIGTERM
KILLED = 128 + signal.SIGKILL
CHECKPOINT = 2.0
"""Seconds of which a power cut can take the record."""
COUNTS = (("seen", SEEN), ("wrong", WRONG), ("changed", CHANGED), ("failed", FAILED))


class Run:
    def __init__(self, job: Job, output: Output) -> None:
        self.job = job
        self.output = output
        self.waker = -1  # what the main thread waits for
        self.saved = time.monotonic()

    def stop(self, *_: object) -> None:
        """By a signal."""
        if not self.job.words[0]:
            self.job.words[0] = STOPPED
        if self.waker >= 0:
            try:
                os.write(self.waker, b"w")
            except OSError:
                pass

    def run(self) -> int:
        job = self.job
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        if job.args.state:
            self._open_records()
        if job.mode != "undo" and job.args.move_aside:
            # Each shard does: none may list it at its old place while another moves it.
            from .aside import move_aside

            job.aside = [move_aside(job, path) for path in job.args.move_aside]
        if job.args.limit or job.args.seconds:
            return self.look()
        return self.walk()

    def _open_records(self) -> None:
        from .opening import open_records

        job = self.job
        try:
            job.kept = open_records(job)
        except OSError as problem:
            job.kept.problem = errno.errorcode.get(problem.errno or 0, str(problem.errno))
            if job.mode == "undo":
                raise Trouble(
                    "record-unreadable",
                    "The ownership record %s can't be read: %s."
                    % (shown(job.args.state), os.strerror(problem.errno or 0)),
                ) from None

    # -- a limited look ------------------------------------------------------------------------------------------

    def look(self) -> int:
        from .sample import THREADS, Sample

        job = self.job
        sample = Sample(job, job.args.limit, job.args.seconds)
        sample.run(lambda: self.output.progress(sample.counts(), sample.here, THREADS))
        looked, counts = sample.looked(), sample.counts()
        exhaustive = looked["exhaustive"]
        complete = exhaustive and not sample.failed
        self.output.say(summary(job, sample.tally, counts, looked, None, complete=complete))
        if sample.wrong:
            return 2
        return 1 if sample.failed or job.words[0] or (not exhaustive and sample.seen <= 1) else 0

    # -- everything ----------------------------------------------------------------------------------------------

    def walk(self) -> int:
        from .channels import Channels
        from .processes import Helpers, rest, serve
        from .statx import Table
        from .walk import Walk

        job, words = self.job, self.job.words
        if job.mode != "undo" and not job.kept.specials:
            job.table = Table.where_possible(job.volume.dev)
        channels = Channels(job.processes)
        helpers = Helpers(job, channels)
        helpers.fork()
        walk = Walk(job, channels, 0)
        self.waker = walk.stack.wake_w
        walk.start_at_top()
        serve(job, channels, walk, lambda: self._tick(walk, helpers))
        if walk.stack.over and not words[0]:
            words[0] = DONE
        self.waker = -1
        channels.end()
        rest(walk)
        helpers.collect(walk)
        walk.close()
        code = self._end(walk, killed=helpers.killed)
        channels.close()
        helpers.close()
        return code

    def _tick(self, walk: Walk, helpers: Helpers) -> None:
        job = self.job
        self.output.progress(self._counts(), walk.hand, job.total(WANTED))
        helpers.watch()
        if job.kept.record and time.monotonic() - self.saved > CHECKPOINT:
            self.saved = time.monotonic()
            threading.Thread(target=job.kept.record.checkpoint, daemon=True).start()

    def _counts(self) -> dict[str, int]:
        return {name: self.job.total(word) for name, word in COUNTS}

    def _end(self, walk: Walk, *, killed: bool) -> int:
        job = self.job
        whole = job.words[0] == DONE
        if job.mode == "undo" and whole:
            self._move_back()
        failed_aside = any(row.get("why") == "failed" for row in job.aside)
        good = whole and not (job.total(FAILED) or failed_aside or job.damaged())
        if job.kept.record:
            self._close_records(walk, whole=whole, good=good)
        if job.words[UNKEPT]:
            job.kept.problem = errno.errorcode.get(job.words[UNKEPT], str(job.words[UNKEPT]))
        counts = self._counts()
        complete = good and not counts["failed"] and not (job.kept.problem and counts["wrong"])
        looked: dict[str, Any] = {
            "entries": counts["seen"],
            "exhaustive": whole and not counts["failed"],
            "confidence": 1.0 if whole else None,
        }
        self.output.say(summary(job, walk.tally, counts, looked, walk.owners, complete=complete))
        if job.mode == "check" and counts["wrong"]:
            return 2
        if job.words[0] == LOST and killed:
            return KILLED
        return 0 if complete else TERMINATED if job.words[0] == STOPPED else 1

    def _move_back(self) -> None:
        from .aside import move_back

        for _, past in reversed(self.job.kept.records):
            for path, fresh in reversed(past.moves):
                self.job.aside.append(move_back(self.job, path, fresh))

    def _close_records(self, walk: Walk, *, whole: bool, good: bool) -> None:
        job, kept = self.job, self.job.kept
        if not whole:
            kept.record.checkpoint()
            return
        for record, _ in kept.records:
            record.write(("z" if good else "k") if job.mode == "undo" else ("e" if good else "d"))
            record.checkpoint_end()
        if job.mode == "undo" or not good:
            return
        if job.shards > 1:
            self._finish_top(walk)
        elif kept.record.fresh and not job.total(WRONG) and not any(row.get("moved") for row in job.aside):
            kept.record.drop()  # it says nothing

    def _finish_top(self, walk: Walk) -> None:
        """The shard that finishes last does ROOT: if every other record ends with its finish."""
        from .inodes import packed
        from .siblings import newest, said_last, shard_name

        job, record = self.job, self.job.kept.record
        others = [shard_name(job.args.state, i, job.shards) for i in range(job.shards) if i != job.shard]
        owner = job.volume.owner()
        if owner == (job.uid, job.gid) or not all(said_last(newest(path)) == "e" for path in others):
            return
        record.write("o %x %d:%d %s" % (ROOT_KEY, *owner, packed([job.volume.top.st_ino])))
        try:
            os.fchown(job.volume.fd, job.uid, job.gid)
            job.words[row_of(0) + CHANGED] += 1
        except OSError as problem:
            walk.notes.fail(problem, walk.top(), "")
        record.write("e")
        record.checkpoint_end()


def main(argv: list[str] | None = None) -> int:
    """The exit code of one run."""
    output = Output()
    output.started()
    job = None
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    try:
        job = Job(arguments(sys.argv[1:] if argv is None else argv))
        return Run(job, output).run()
    except Trouble as trouble:
        output.say({"event": "refusal", "code": trouble.code, "message": str(trouble)})
        return 1
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
        if job is not None:
            job.close()
