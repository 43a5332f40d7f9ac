"""The processes of a run: the first one forks the others, serves its own threads, and merges what they found."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

from .pace import Pace
from .walk import Walk
from .words import CHANGED, HUNGRY, LOST, WANTED, WRONG, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .channels import Channels
    from .job import Job

HANGING = 0.3
"""Seconds in which threads finish the call that they are in; one that hangs in a dead server is left behind."""


def serve(job: Job, channels: Channels, walk: Walk, tick: Callable[[], None] | None = None) -> None:
    """The main thread of each process: bring work in, fit the number of threads, until it is over. The first process
    has a `tick`."""
    words, row, stack = job.words, walk.row, walk.stack
    pace = Pace(job, walk)
    while not words[0] and not stack.over:
        while len(walk.threads) < words[row + WANTED]:
            walk.start_thread()
        starving = job.processes > 1 and not stack.tasks and stack.busy < words[row + WANTED]
        words[row + HUNGRY] = 1 if starving else 0
        sources: list[Any] = [stack.wake_r, channels.inbox_r[walk.index]]
        if starving:
            sources.append(channels.pool_r)
        if tick is None:
            sources.append(channels.life_r)
        ready = select.select(sources, [], [], pace.wait())[0]
        if channels.pool_r in ready:
            _take_in(walk)
        if stack.wake_r in ready:
            os.read(stack.wake_r, 4096)
        for returned in walk.exchange.returned():
            walk.ascent.done(*returned)
        if channels.life_r in ready:
            break
        pace.adapt()
        if tick is not None:
            tick()


def _take_in(walk: Walk) -> None:
    task = walk.exchange.receive()
    if task is not None:
        walk.words[walk.row + HUNGRY] = 0
        walk.stack.push([task])


def rest(walk: Walk) -> None:
    until = time.monotonic() + HANGING
    while time.monotonic() < until and walk.stack.call_all():
        time.sleep(0.002)


class Helpers:
    """The processes beside the first one."""

    def __init__(self, job: Job, channels: Channels) -> None:
        self.job = job
        self.channels = channels
        self.pids: set[int] = set()
        self.reports: list[int] = []  # where each one's findings come from
        self.killed = False

    def fork(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it is ignored, helpers end without a trace
        for index in range(1, self.job.processes):
            report_r, report_w = os.pipe()
            pid = os.fork()
            if pid:
                os.close(report_w)
                self.pids.add(pid)
                self.reports.append(report_r)
                continue
            code = 1
            try:
                for fd in (self.channels.life_w, report_r, *self.reports):
                    os.close(fd)
                self._help(index, report_w)
                code = 0
            except BaseException:  # noqa: BLE001  a forked process must never return into its parent's code
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)

    def _help(self, index: int, report: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        walk = Walk(self.job, self.channels, index)
        serve(self.job, self.channels, walk)
        if self.job.words[0]:
            rest(walk)
            owners = walk.owners
            found = {"tally": walk.tally.dump(), "succeeded": owners.succeeded, "refused": owners.refused_with}
            data = json.dumps(found).encode()
            while data:
                data = data[os.write(report, data) :]

    def watch(self) -> None:
        """One that died took work with it."""
        for pid in list(self.pids):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.pids.remove(pid)
                self.killed = self.killed or os.WIFSIGNALED(status)
                if not self.job.words[0]:
                    self.job.words[0] = LOST

    def collect(self, walk: Walk) -> None:
        """Merge what they found into what the first process found, and see them end."""
        until = time.monotonic() + 2 * HANGING
        for fd in self.reports:
            try:
                theirs = json.loads(_all_of(fd, until).decode())
            except ValueError:
                continue  # killed, or hanging in a call: its counts are in the shared words
            self._merge(theirs, walk)
        while self.pids and time.monotonic() < until:
            self.watch()
            time.sleep(0.001 if self.pids else 0)

    def _merge(self, theirs: dict[str, Any], walk: Walk) -> None:
        words, first = self.job.words, row_of(0)
        for owner, count in walk.tally.merge(theirs["tally"]).items():
            for what in (WRONG, CHANGED):
                words[first + what] -= min(count, words[first + what])
            (walk.tally.owners.get(owner) or walk.tally.owners["others"])[0] -= count
        walk.owners.succeeded = walk.owners.succeeded or theirs["succeeded"]
        walk.owners.refused_with = walk.owners.refused_with or theirs["refused"]

    def close(self) -> None:
        for fd in self.reports:
            os.close(fd)


def _all_of(fd: int, until: float) -> bytes:
    """What comes through a pipe to its end, or to a moment."""
    data = b""
    while select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
        more = os.read(fd, 1 << 20)
        if not more:
            break
        data += more
    return data
