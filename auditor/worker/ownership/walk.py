"""One process's share of the work: its threads walk down from the directories on its stack."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import sys
import threading
import time

from .ascent import Ascent
from .descriptors import Descriptors
from .entries import Entries
from .exchange import DIRS, FILES, MORE, TOP, Exchange
from .listing import WINDOW, left_alone, skip_claimed, sort_out, window_of
from .machine import DIRECTORY_FLAGS
from .names import ROOT_KEY, key_below, shown
from .node import Node
from .notes import Notes
from .owners import Owners
from .stack import Stack
from .tally import SAMPLES
from .trouble import Halt
from .words import LOST, SEEN, WANTED, WRONG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .channels import Channels
    from .job import Job
    from .node import Window

CHUNK_MIN = 8  # entries handed to a thread if each call takes a round trip
BATCH_SECONDS = 0.05  # of work handed to a thread at a time if calls take long
CROWDED = 2000  # tasks, with which directories are read in smaller windows
SMALL_WINDOW = 256
UNKNOWN = 0.001  # seconds of work that don't say yet how long a call takes
LARGE = 1024  # files of a directory that another process may want a part of


class Walk:
    def __init__(self, job: Job, channels: Channels, index: int) -> None:
        self.job = job
        self.index = index
        self.words = job.words
        self.lock = threading.Lock()
        self.notes = Notes(job, index, self.lock)
        self.row = self.notes.row
        self.tally = self.notes.tally
        self.descriptors = Descriptors(job, self.lock)
        self.exchange = Exchange(job, channels, index)
        self.stack = Stack(self.notes, self.exchange, job.processes)
        self.owners = Owners(job, self.notes)
        self.entries = Entries(job, self.notes, self.descriptors, self.owners, self.stack)
        self.ascent = Ascent(job, self.notes, self.descriptors, self.owners, self.exchange, self.stack)
        self.undo = job.mode == "undo"
        self.claims = job.kept.claims
        self.keyed = bool(job.kept.record) or job.shards > 1
        self.windowed = bool(job.kept.record) and not self.undo
        self.threads: list[threading.Thread] = []
        self.wall = self.cpu = 0.0  # seconds that tasks took so far
        self.waits = 0  # calls of the last thread that had to wait
        self.hand = "."  # a directory in work, for people

    def top(self) -> Node:
        """ROOT, without a descriptor yet."""
        return Node(None, "", -1, self.job.volume.top.st_ino, ROOT_KEY, None)

    def start_at_top(self) -> None:
        top = self.top()
        top.fd = os.open(".", DIRECTORY_FLAGS, dir_fd=self.job.volume.fd)
        self.stack.push([(TOP, top, self.job.volume.top, None)])

    # -- threads -------------------------------------------------------------------------------------------------

    def start_thread(self) -> None:
        self.stack.join()
        thread = threading.Thread(target=self.work, args=(len(self.threads),), daemon=True)
        self.threads.append(thread)
        thread.start()

    def work(self, number: int) -> None:
        cpu_time, usage = time.thread_time, resource.getrusage
        while True:
            task = self.stack.take(number)
            if task is None:
                return
            wall, cpu = time.perf_counter(), cpu_time()
            try:
                self._do(*task)
            except Halt:
                pass
            except Exception as problem:  # noqa: BLE001  one directory's surprise must neither hang nor hide
                sys.excepthook(*sys.exc_info())
                self.notes.fail(problem, task[1], "")
                self.words[0] = self.words[0] or LOST
            self.waits = usage(resource.RUSAGE_THREAD).ru_nvcsw
            self.cpu += cpu_time() - cpu
            self.wall += time.perf_counter() - wall

    def _do(self, kind: int, node: Node, what: Any, window: Window | None) -> None:
        if kind == DIRS:
            self.enter(node, what, window)
        elif kind == FILES:
            self.ascent.done(node, window, 1, len(what), self.entries.batch(node, what))
        elif kind == MORE:
            self.read(node)
        else:
            self.begin(node, what)

    # -- directories ---------------------------------------------------------------------------------------------

    def enter(self, parent: Node, name: str, window: Window | None) -> None:
        """Open a subdirectory and start on it."""
        done = self.ascent.done
        try:
            held = self.descriptors.hold(parent)
            try:
                fd = self.descriptors.open_directory(name, held)
                status = os.fstat(fd)
            finally:
                self.descriptors.let(parent)
        except OSError as problem:
            if problem.errno in (errno.ENOTDIR, errno.ELOOP):  # swapped since it was listed
                done(parent, window, 1, 1, self.entries.batch(parent, [os.fsencode(name)]))
            else:
                done(parent, window, 1, 1, self.notes.fail(problem, parent, name))
            return
        if status.st_dev != self.job.volume.dev:
            os.close(fd)
            self.notes.skip(parent, [name], "other file system")
            done(parent, window, 1, 1, True)
            return
        key = key_below(parent.key, name) if self.keyed else 0
        claim = self.claims.get(key) if self.claims else None
        if claim and claim[0] == status.st_ino and claim[1] < 0:
            os.close(fd)
            self.tally.resumed += 1
            done(parent, window, 1, 0, True)
            return
        self.begin(Node(parent, name, fd, status.st_ino, key, window), status)

    def begin(self, node: Node, status: os.stat_result) -> None:
        """Count an open directory, and read it."""
        owner = (status.st_uid, status.st_gid)
        mine = self.job.is_mine(node.key)
        node.uid, node.gid, node.mode = status.st_uid, status.st_gid, status.st_mode
        if self.undo:
            node.before = self.job.owners_before(node)
            node.changes = mine and self._is_given_back(node, owner)
        else:
            node.changes = mine and owner != self.entries.right
        with self.lock:
            if mine:
                self.words[self.row + SEEN] += 1
            if node.changes:
                self.words[self.row + WRONG] += 1
                text = "%d:%d" % owner
                row = self.tally.owners.get(text, ())
                self.tally.note(self.tally.owners, text, shown(node.path()) if len(row) <= SAMPLES else "")
        node.pending = 1
        node.weight = 1
        self.descriptors.keep(node)
        self.hand = node.name or self.hand
        self.read(node)

    def _is_given_back(self, node: Node, owner: tuple[int, int]) -> bool:
        """Undo: whether the directory itself is, whose own owner is in the lines of the directory itself."""
        before = node.before.get(node.ino)
        if owner != self.entries.right or before is None:
            return False
        node.uid, node.gid = before
        return before != self.entries.right and not self.entries.made_since(node, node.fd)

    def read(self, node: Node) -> None:
        """Read the next window of a directory, work on its files, leave its subdirectories on the stack."""
        try:
            fd = self.descriptors.hold(node)
        except OSError as problem:
            self.ascent.done(node, None, 1, 0, self.notes.fail(problem, node, "."))
            return
        try:
            entries, over, clean = self._list(node, fd)
            dirs, files = left_alone(self.job, self.notes, node, *sort_out(entries))
            window = window_of(node, entries) if self.windowed and (not over or node.windows) else None
            del entries
            # As bytes, which a call takes as they are; all at once, which is quicker than each.
            here, batches = self._split(os.fsencode("\0".join(files)).split(b"\0") if files else [])
            self._leave(node, window, dirs, batches, over=over)
            clean = self.entries.batch(node, here, fd) and clean
        finally:
            self.descriptors.let(node)
        self.ascent.done(node, window, 1, len(here), clean)

    def _list(self, node: Node, fd: int) -> tuple[list[os.DirEntry[str]], bool, bool]:
        """(the next entries, whether they are the last, whether all went well)."""
        size = WINDOW if len(self.stack.tasks) < CROWDED else SMALL_WINDOW
        entries: list[os.DirEntry[str]] = []
        clean = True
        try:
            if node.iterator is None:
                node.iterator = os.scandir(fd)
                if self.claims and node.key in self.claims:
                    self.tally.resumed += skip_claimed(node, fd, self.claims[node.key])
            entries.extend(itertools.islice(node.iterator, size))
            over = len(entries) < size
        except OSError as problem:
            clean = self.notes.fail(problem, node, ".")
            over = True
        if over and node.iterator is not None:
            node.iterator.close()
            node.iterator = None
        return entries, over, clean

    def _split(self, files: list[bytes]) -> tuple[list[bytes], list[list[bytes]]]:
        """(names to do now, batches for other threads): only if others have nothing to do."""
        wanted = self.words[self.row + WANTED]
        if self.wall < UNKNOWN:
            size = 2 * CHUNK_MIN
        elif wanted == 1:
            size = WINDOW if self.job.processes == 1 or len(files) < LARGE else LARGE // 2
        else:
            each = self.wall / (self.words[self.row + SEEN] + 1)  # seconds, a thread's
            size = max(CHUNK_MIN, min(WINDOW, int(BATCH_SECONDS / each)))
        return files[:size], [files[i : i + size] for i in range(size, len(files), size)]

    def _leave(
        self, node: Node, window: Window | None, dirs: list[str], batches: list[list[bytes]], *, over: bool
    ) -> None:
        """Put what is not done here on the stack."""
        tasks: list[tuple[Any, ...]] = [] if over else [(MORE, node, None, None)]
        if dirs:
            tasks.append((DIRS, node, dirs, window))
        tasks.extend((FILES, node, names, window) for names in batches)
        with self.lock:
            node.pending += len(dirs) + len(batches) + (not over)
            if window is not None:
                window.pending = len(dirs) + len(batches) + 1
                node.windows.append(window)
        if tasks:
            self.stack.push(tasks)

    def close(self) -> None:
        """Give up this process's own descriptors, unless a thread still hangs in a call."""
        if not self.stack.busy:
            self.descriptors.close()
            self.stack.close()
