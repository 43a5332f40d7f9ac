"""What the processes of a run speak through."""

from __future__ import annotations

import os
import socket


class Channels:
    """The pool takes directories that a process gives away, an inbox the answers about those; the life pipe closes when
    the first process ends, however it ends."""

    def __init__(self, processes: int) -> None:
        self.pool_r, self.pool_w = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(processes)]
        self.inbox_r, self.inbox_w = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        self.life_r, self.life_w = os.pipe()

    def end(self) -> None:
        """The first process ends: the others notice."""
        if self.life_w >= 0:
            os.close(self.life_w)
            self.life_w = -1

    def close(self) -> None:
        for one in (self.pool_r, self.pool_w, *self.inbox_r, *self.inbox_w):
            one.close()
        os.close(self.life_r)
