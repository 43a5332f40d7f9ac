"""The tasks of one process: its threads take from the top, idle processes get the bottom."""

from __future__ import annotations

import collections
import os
import threading

from .exchange import DIRS
from .words import HUNGRY, WANTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exchange import Exchange
    from .notes import Notes


class Stack:
    """Tasks are (kind, node, names, window); a task of directories is taken one by one."""

    def __init__(self, notes: Notes, exchange: Exchange, processes: int) -> None:
        self.words, self.row = notes.words, notes.row
        self.exchange = exchange
        self.shares = processes > 1
        self.cond = threading.Condition(notes.lock)
        self.parked = threading.Condition(notes.lock)  # threads that aren't wanted now
        self.tasks: collections.deque[tuple[Any, ...]] = collections.deque()
        self.busy = 0
        self.over = False  # ROOT is done
        self.wake_r, self.wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def wake(self) -> None:
        """Let the main thread look what there is to do for it."""
        try:
            os.write(self.wake_w, b"w")
        except OSError:
            pass

    def finish(self) -> None:
        self.over = True
        self.wake()

    def push(self, tasks: list[tuple[Any, ...]]) -> None:
        """The last to be taken first."""
        with self.cond:
            self.tasks.extend(tasks)
            self.cond.notify(len(tasks))

    def join(self) -> None:
        """A thread begins."""
        with self.cond:
            self.busy += 1

    def take(self, number: int) -> tuple[Any, ...] | None:
        """The next task for a thread; None if it is over."""
        with self.cond:
            self.busy -= 1
            if not self._wait(number):
                return None
            self.busy += 1
            if self.shares:
                self.exchange.give(self.tasks)
            kind, node, names, window = self.tasks[-1]
            if kind != DIRS:
                self.tasks.pop()
                return kind, node, names, window
            name = names.pop()
            if not names:
                self.tasks.pop()
            if self.tasks:
                self.cond.notify()
            return kind, node, name, window

    def _wait(self, number: int) -> bool:
        """Until there is a task; False if it is over. Under the lock."""
        words, row = self.words, self.row
        while not words[0]:
            if number >= words[row + WANTED]:
                self.cond.notify()
                self.parked.wait(1.0)
            elif self.tasks:
                return True
            else:
                if self.shares and not words[row + HUNGRY]:
                    self.wake()
                self.cond.wait(0.5)
        return False

    def call_all(self) -> bool:
        """Wake every thread; whether one is still in a call."""
        with self.cond:
            self.cond.notify_all()
            self.parked.notify_all()
            return bool(self.busy)

    def unpark(self) -> None:
        with self.cond:
            self.parked.notify_all()

    def close(self) -> None:
        for fd in (self.wake_r, self.wake_w):
            os.close(fd)
