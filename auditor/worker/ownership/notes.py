"""What one process notes about entries, under the one lock of its threads."""

from __future__ import annotations

import errno

from .names import shown
from .skipped import OUR_PREFIX
from .tally import Tally
from .words import FAILED, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading

    from .job import Job
    from .node import Node


class Notes:
    def __init__(self, job: Job, index: int, lock: threading.Lock) -> None:
        self.words = job.words
        self.index = index
        self.row = row_of(index)
        self.lock = lock
        self.tally = Tally()

    def fail(self, problem: Exception, node: Node, name: str | bytes) -> bool:
        """Count what went wrong with an entry; True if it only vanished."""
        code = getattr(problem, "errno", None)
        if code == errno.ENOENT:
            with self.lock:
                self.tally.vanished += 1
            return True
        what = errno.errorcode.get(code, str(code)) if code else type(problem).__name__
        with self.lock:
            self.words[self.row + FAILED] += 1
            self.tally.note(self.tally.failures, what, shown(node.path(name)))
        return False

    def skip(self, node: Node, names: list[str], why: str = "excluded") -> None:
        with self.lock:
            for name in names:
                if not name.startswith(OUR_PREFIX):
                    self.tally.note(self.tally.skipped, why, shown(node.path(name)))

    def bits(self, node: Node, name: str | bytes, *, kept: bool) -> None:
        """What became of setuid and setgid bits."""
        with self.lock:
            self.tally.note(self.tally.bits, "kept" if kept else "dropped", shown(node.path(name)))
