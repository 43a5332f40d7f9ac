"""How processes share the work: an idle one gets the oldest directories of a busy one, with the open descriptor."""

from __future__ import annotations

import array
import marshal
import os
import socket

from .node import Node
from .words import HUNGRY, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import collections
    from collections.abc import Iterator
    from typing import Any

    from .channels import Channels
    from .job import Job
    from .node import Window

FILES, DIRS, MORE, TOP = range(4)  # kinds of tasks (kind, node, names, window)
LETTER = 100000  # bytes to which a share of names is cut
LETTER_MAX = 150000  # bytes that a socket surely takes


class Exchange:
    def __init__(self, job: Job, channels: Channels, index: int) -> None:
        self.job = job
        self.channels = channels
        self.index = index
        self.words = job.words
        self.away: dict[int, tuple[Node, Window | None]] = {}
        self.tickets = 0

    def give(self, tasks: collections.deque[tuple[Any, ...]]) -> None:
        """Hand the oldest directories (the largest subtrees) to a process that has nothing to do. Under the lock."""
        for other in range(self.job.processes):
            hungry = row_of(other) + HUNGRY
            if not self.words[hungry] or other == self.index:
                continue
            for place in range(min(8, len(tasks))):
                data, share = self._letter(*tasks[place][:3], alone=len(tasks) == 1)
                if data:
                    break
            else:
                return
            if not self._send(data, *tasks[place][1::2]):
                return
            self.words[hungry] = 0
            if len(share) == len(tasks[place][2]):
                del tasks[place]
            else:
                del tasks[place][2][: len(share)]

    def _letter(self, kind: int, node: Node, names: list[Any], *, alone: bool) -> tuple[bytes, list[Any]]:
        """A share of a task as bytes, and the names in it; nothing if it can't be shared."""
        if kind in (MORE, TOP) or node.fd < 0 or (alone and (kind == FILES or not names[1:])):
            return b"", []
        share = list(names) if kind == FILES else names[: (len(names) + 1) // 2]
        self.tickets += 1
        path = node.path()
        while True:
            data = marshal.dumps((kind, self.index, self.tickets, share, node.ino, node.key, node.depth, path))
            if len(data) < LETTER or kind == FILES or not share[1:]:
                return (data, share) if len(data) < LETTER_MAX else (b"", [])
            share = share[: len(share) // 2]

    def _send(self, data: bytes, node: Node, window: Window | None) -> bool:
        fds = array.array("i", [node.fd])
        self.away[self.tickets] = (node, window)  # first: the answer may be quicker than we are
        try:
            self.channels.pool_w.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)], socket.MSG_DONTWAIT)
        except OSError:
            del self.away[self.tickets]
            return False
        return True

    def receive(self) -> tuple[Any, ...] | None:
        """The task that another process gave into the pool, if there is one."""
        try:
            data, extra, _, _ = self.channels.pool_r.recvmsg(212992, socket.CMSG_SPACE(4), socket.MSG_DONTWAIT)
        except OSError:
            return None
        fds = array.array("i")
        for level, kind, payload in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:4])
        os.set_inheritable(fds[0], False)
        kind, giver, ticket, names, ino, key, depth, path = marshal.loads(data)  # noqa: S302  our own process wrote it
        node = Node(None, "", fds[0], ino, key, None)
        node.depth = depth
        node.pending = 1 if kind == FILES else len(names)
        node.graft = (giver, ticket, node.pending)
        node.prefix = "" if path == "." else path
        node.before = self.job.owners_before(node)
        node.noted = True  # the giver notes the directory's own owner
        return kind, node, names, None

    def answer(self, node: Node) -> None:
        """A part that another process handed over is done."""
        if node.graft is None:
            return
        giver, ticket, share = node.graft
        self.channels.inbox_w[giver].send(marshal.dumps((ticket, share, node.weight, node.clean)))

    def returned(self) -> Iterator[tuple[Node, Window | None, int, int, bool]]:
        """Handed-over work that is done: (node, window, units, weight, clean)."""
        while True:
            try:
                letter = self.channels.inbox_r[self.index].recv(4096, socket.MSG_DONTWAIT)
            except OSError:
                return
            ticket, units, weight, clean = marshal.loads(letter)  # noqa: S302  our own process wrote it
            yield (*self.away.pop(ticket), units, weight, clean)
