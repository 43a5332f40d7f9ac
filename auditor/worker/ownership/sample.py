"""A limited look: the top levels with half of the budget, then descents from ROOT along random directories."""

from __future__ import annotations

import collections
import errno
import itertools
import os
import random
import stat
import threading
import time

from .estimate import estimate, everything
from .listing import WINDOW
from .machine import open_below
from .names import shown
from .skipped import OUR_PREFIX, SKIP_AT_TOP, SKIP_DIRECTORIES
from .tally import LINKS_MAX, Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .job import Job

THREADS = 8
READ_MAX = 4 * WINDOW  # names read of one directory
PER_DIRECTORY = 32  # entries looked at in each directory of a descent
TOP_MAX = 250000  # entries of the top levels: their directories wait in memory
IN_VAIN = 64  # descents of a thread in a row that met no new directory, after which it gives up


class Sample:
    def __init__(self, job: Job, limit: int | None, seconds: float | None) -> None:
        self.job = job
        self.words = job.words
        self.limit = limit or 1 << 60
        self.started = time.monotonic()
        self.seconds = seconds or 1e9
        self.seed = int.from_bytes(os.urandom(4), "little")
        self.lock = threading.Lock()
        self.tally = Tally()
        self.asked = 0  # entries looked at, those that vanished or failed too
        self.seen = self.wrong = self.failed = 0
        self.queue: collections.deque[tuple[str, ...]] = collections.deque([()])
        self.working = 0
        self.whole = True
        self.visited: set[tuple[str, ...]] = set()
        self.weights: list[tuple[float, float]] = []  # (directories, entries) that each descent stands for
        self.here = "."

    def run(self, tick: Callable[[], None]) -> None:
        self.inspect_root()
        for phase in (lambda _: self.top_levels(), self.descents):
            threads = [threading.Thread(target=phase, args=(i,), daemon=True) for i in range(THREADS)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                threads[0].join(0.05)
                time.sleep(0.01 if threads[0].is_alive() else 0.05)
                tick()
                if self.words[0]:
                    return

    def looked(self) -> dict[str, Any]:
        """How much was seen, and what it proves."""
        if self.whole and not (self.queue or self.working or self.failed or self.words[0]):
            return everything(self.seen)
        return estimate(self.seen, self.weights)

    def counts(self) -> dict[str, int]:
        return {"seen": self.seen, "wrong": self.wrong, "changed": 0, "failed": self.failed}

    def _over(self, share: float = 1.0) -> bool:
        return (
            bool(self.words[0])
            or self.asked >= self.limit * share
            or time.monotonic() - self.started >= self.seconds * share
        )

    # -- directories ---------------------------------------------------------------------------------------------

    def top_levels(self) -> None:
        while not self._over(0.5) and self.seen < TOP_MAX:
            with self.lock:
                parts = self.queue.popleft() if self.queue else None
                if parts is None and not self.working:
                    return
                self.working += parts is not None
            if parts is None:
                time.sleep(0.002)
                continue
            self.here = parts[-1] if parts else "."
            try:
                self._level(parts)
            except OSError as problem:
                self._fail(problem, "/".join(parts) or ".")
            finally:
                with self.lock:
                    self.working -= 1

    def _level(self, parts: tuple[str, ...]) -> None:
        """Look at all of one directory, and queue its subdirectories."""
        fd = open_below(self.job.volume.fd, parts)
        try:
            dirs, files, all_read = self._listed(fd, parts)
            away = self.inspect(fd, parts, dirs)
            room = max(256, int(min(self.limit, 4 * TOP_MAX) / 8))
            if len(files) > room:
                files = random.Random(self.seed).sample(files, room)  # noqa: S311  a draw, not a secret
                all_read = False
            self.inspect(fd, parts, files)
        finally:
            os.close(fd)
        with self.lock:
            self.whole = self.whole and all_read
            self.visited.add(parts)
            self.queue.extend((*parts, name) for name in dirs if name not in away)

    def descents(self, number: int) -> None:
        dice = random.Random(self.seed * 1000 + number)  # noqa: S311  draws, not secrets
        in_vain = 0
        while self.queue and not self._over() and in_vain < IN_VAIN:
            in_vain = 0 if self._descend(dice) else in_vain + 1

    def _descend(self, dice: random.Random) -> bool:
        """From ROOT to a directory without subdirectories; whether a new one was met."""
        parts: tuple[str, ...] = ()
        weight, directories, entries = 1.0, 0.0, 0.0
        met = False
        while not self._over():
            try:
                found = self._step(parts, dice)
            except OSError as problem:
                self._fail(problem, "/".join(parts) or ".")
                return met
            if found is None:
                return met
            dirs, names, new = found
            met = met or new
            directories += weight
            entries += weight * names
            if not dirs:
                with self.lock:
                    self.weights.append((directories, entries))
                return met
            weight *= len(dirs)
            parts = (*parts, dice.choice(dirs))
            self.here = parts[-1]
        return met

    def _step(self, parts: tuple[str, ...], dice: random.Random) -> tuple[list[str], int, bool] | None:
        """(subdirectories, names, whether it is new) of one directory, some of which is looked at; None elsewhere."""
        fd = open_below(self.job.volume.fd, parts)
        try:
            if os.fstat(fd).st_dev != self.job.volume.dev:
                return None
            dirs, files, _ = self._listed(fd, parts)
            with self.lock:
                new = parts not in self.visited
                if len(self.visited) < TOP_MAX:
                    self.visited.add(parts)
            names = files + dirs
            if new:
                self.inspect(fd, parts, dice.sample(names, min(len(names), PER_DIRECTORY)))
        finally:
            os.close(fd)
        return dirs, len(names), new

    def _listed(self, fd: int, parts: tuple[str, ...]) -> tuple[list[str], list[str], bool]:
        """(subdirectories, everything else, whether this is all)."""
        with os.scandir(fd) as entries:
            some = list(itertools.islice(entries, READ_MAX))
        dirs: list[str] = []
        files: list[str] = []
        for entry in some:
            name = entry.name
            if not parts and (name.startswith(OUR_PREFIX) or name in SKIP_AT_TOP):
                continue
            folder = entry.is_dir(follow_symlinks=False)
            if folder and name in SKIP_DIRECTORIES:
                continue
            if self.job.volume.is_mounted(name, lambda below: "/".join((*parts, below))):
                continue
            (dirs if folder else files).append(name)
        return dirs, files, len(some) < READ_MAX

    # -- entries -------------------------------------------------------------------------------------------------

    def inspect(self, fd: int, parts: tuple[str, ...], names: list[str]) -> list[str]:
        """Look at names, as far as the limit goes; answers those on another file system."""
        volume, right = self.job.volume, (self.job.uid, self.job.gid)
        away, seen, wrong = [], 0, []
        with self.lock:
            room = max(0, self.limit - self.asked)
            self.asked += min(room, len(names))
            self.whole = self.whole and room >= len(names)
        for name in names[:room]:
            if self.words[0]:
                break
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except OSError as problem:
                self._fail(problem, "/".join((*parts, name)))
                continue
            if status.st_dev != volume.dev and (volume.dev_of_files or stat.S_ISDIR(status.st_mode)):
                away.append(name)
                continue
            seen += 1
            if (status.st_uid, status.st_gid) != right:
                wrong.append((name, status))
        with self.lock:
            self.seen += seen
            for name, status in wrong:
                self._note("/".join((*parts, name)), status)
        return away

    def inspect_root(self) -> None:
        status = os.fstat(self.job.volume.fd)
        self.asked = self.seen = 1
        if (status.st_uid, status.st_gid) != (self.job.uid, self.job.gid):
            self._note(".", status)

    def _note(self, path: str, status: os.stat_result) -> None:
        """Count what is wrong, a file with several names once. Under the lock."""
        owner = "%d:%d" % (status.st_uid, status.st_gid)
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            if status.st_ino in self.tally.links:
                return
            if len(self.tally.links) < LINKS_MAX:
                self.tally.links[status.st_ino] = owner
        self.wrong += 1
        Tally.note(self.tally.owners, owner, shown(path))

    def _fail(self, problem: OSError, path: str) -> None:
        with self.lock:
            if problem.errno == errno.ENOENT:
                self.tally.vanished += 1
                return
            self.failed += 1
            Tally.note(self.tally.failures, errno.errorcode.get(problem.errno or 0, str(problem.errno)), shown(path))
