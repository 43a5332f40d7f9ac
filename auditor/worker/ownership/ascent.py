"""The way back up: a directory whose content is done is changed itself and claimed, then those above it."""

from __future__ import annotations

from .words import SEEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import Descriptors
    from .exchange import Exchange
    from .job import Job
    from .node import Node, Window
    from .notes import Notes
    from .owners import Owners
    from .stack import Stack


class Ascent:
    def __init__(
        self, job: Job, notes: Notes, descriptors: Descriptors, owners: Owners, exchange: Exchange, stack: Stack
    ) -> None:
        self.job = job
        self.notes = notes
        self.descriptors = descriptors
        self.owners = owners
        self.exchange = exchange
        self.stack = stack
        self.words, self.row, self.lock = job.words, notes.row, notes.lock
        self.record = job.kept.record if job.mode == "run" else None

    def done(self, node: Node, window: Window | None, units: int, weight: int, clean: bool) -> None:
        """Some of a directory's work is done; finish it and those above if it was the last."""
        while True:
            with self.lock:
                node.pending -= units
                node.weight += weight
                node.clean = node.clean and clean
                if window is not None:
                    window.pending -= units
                pending = node.pending
                claim = None
                if not pending:
                    self.descriptors.forget(node)
                elif node.windows:
                    claim = self._progress(node)
            if pending:
                if claim and self.record:
                    self.record.write(claim)
                return
            if self.words[0]:
                return
            if node.graft is not None:
                self.descriptors.give_up(node)
                self.exchange.answer(node)
                return
            self._close(node)
            if node.parent is None:
                self.stack.finish()
                return
            node, window, units, weight, clean = node.parent, node.window, 1, node.weight, node.clean

    def _progress(self, node: Node) -> str | None:
        """The claim line for the first windows of a large directory, if they are done. Under the lock."""
        windows = node.windows
        last = None
        while len(windows) > 1 and not windows[0].pending:
            last = windows.pop(0)
        if last is None or not node.clean or node.weight < self._threshold():
            return None
        node.weight = 0
        return "p %x %x %x %x" % (node.key, node.ino, last.end, last.crc)

    def _threshold(self) -> int:
        """Entries worth a line: keeps the record at some ten thousand claims whatever the size of the tree."""
        return max(32, self.words[self.row + SEEN] // 20000)

    def _close(self, node: Node) -> None:
        """Change the directory itself, claim it, give up its descriptor."""
        top = node.parent is None
        try:
            self.descriptors.take_out(node)
        except OSError as problem:
            node.changes = False
            node.clean = self.notes.fail(problem, node, "")
        if node.changes and self.job.mode != "check" and (not top or self._changes_top(node.clean)):
            self.owners.change_directory(node)
        if self.record and not top and node.clean and node.weight >= self._threshold():
            self.record.write("f %x %x" % (node.key, node.ino))
            node.weight = 0
        self.descriptors.give_up(node)

    def _changes_top(self, clean: bool) -> bool:
        """Whether ROOT is changed on the way back up: after failures below it stays wrong, so that they are noticed."""
        return self.job.mode == "undo" or (clean and self.job.shards == 1)
