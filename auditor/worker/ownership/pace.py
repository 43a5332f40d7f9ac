"""Fits the number of threads of one process to what the volume answers."""

from __future__ import annotations

import resource
import time

from .words import SEEN, WANTED, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .job import Job
    from .walk import Walk

WORTH = 4  # times longer than it computes must a task take for a second thread to be worth it
IDLE, BUSY = 0.4, 0.85  # CPU share of a process below and above which threads are added and taken away
TASTE, ENOUGH = 0.002, 0.1  # seconds of work from which a first guess is made, and with which it stands
FEW_WAITS = 2  # calls that waited for something else than the volume, as any process has them


class Pace:
    """First guess: wall time over CPU time of the first tasks (a call that waits a millisecond and costs ten
    microseconds feeds a hundred threads). Then by the CPU share of the process: hardly used and work is waiting:
    double, as long as the last doubling brought more; used up: fewer, since threads only quarrel about the interpreter
    then."""

    def __init__(self, job: Job, walk: Walk) -> None:
        self.job = job
        self.walk = walk
        self.words, self.row = job.words, walk.row
        self.guessed = False
        self.began = self.at = time.monotonic()
        self.cpu = time.process_time()
        self.seen = self.waits = 0
        self.rate = 0.0  # entries a second before the last doubling
        self.doubled = False
        self.hold_until = 0.0
        self.words[self.row + WANTED] = max(1, self._known())

    def _known(self) -> int:
        """The most threads that a process wants by now."""
        return max(self.words[row_of(index) + WANTED] for index in range(self.job.processes))

    def wait(self) -> float:
        return 0.005 if not self.guessed and time.monotonic() - self.began < 1 else 0.05

    def adapt(self) -> None:
        stack = self.walk.stack
        now = time.monotonic()
        if not self.guessed:
            self.guess()
        if now - self.at < (0.5 if self.guessed else 0.1):
            return
        share = (time.process_time() - self.cpu) / (now - self.at)
        seen = self.words[self.row + SEEN]
        waits = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        waiting = waits - self.waits > max(5, (seen - self.seen) // 4)
        rate = (seen - self.seen) / (now - self.at)
        self.at, self.cpu, self.seen, self.waits = now, time.process_time(), seen, waits
        wanted = self.words[self.row + WANTED]
        doubled, self.doubled = self.doubled, False
        if doubled and rate < 1.1 * self.rate:
            self.want(wanted // 2)  # more hands, not more done
            self.hold_until = now + 5.0
        elif share > BUSY and wanted > 1:
            self.want(wanted * 3 // 4)
        elif share < IDLE and waiting and stack.tasks and stack.busy >= wanted and now > self.hold_until:
            self.rate = rate
            self.want(wanted * 2)
            self.doubled = True

    def guess(self) -> None:
        walk, known = self.walk, self._known()
        if known > self.words[self.row + WANTED]:
            self.guessed = True  # another process knows already
            self.want(known)
        elif walk.wall > TASTE:
            ratio = walk.wall / max(walk.cpu, 1e-6)
            # Without waits of its own a thread was only kept from the CPU by other programs.
            worth = ratio > WORTH and walk.waits > FEW_WAITS
            if worth:
                self.want(int(4 * ratio))  # calls in a cold cache compute several times longer than later ones
            self.guessed = worth or walk.wall > ENOUGH

    def want(self, threads: int) -> None:
        self.words[self.row + WANTED] = max(1, min(threads, self.job.threads_max))
        self.walk.stack.unpark()
