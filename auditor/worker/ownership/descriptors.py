"""The open directories of one process: as many as its limit allows, the others are opened again when needed."""

from __future__ import annotations

import errno
import itertools
import os

from .machine import DIRECTORY_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading

    from .job import Job
    from .node import Node

NOATIME = getattr(os, "O_NOATIME", 0)


class Descriptors:
    def __init__(self, job: Job, lock: threading.Lock) -> None:
        self.dev = job.volume.dev
        self.most = job.open_max
        self.lock = lock
        self.open: dict[Node, None] = {}  # in the order of opening: the first are the top of the tree
        self.noatime = NOATIME

    def hold(self, node: Node) -> int:
        """The node's descriptor, opened again if it was closed; let() when it is not used any longer."""
        with self.lock:
            if node.fd < 0:
                self._reopen(node)
            node.users += 1
            return node.fd

    def let(self, node: Node) -> None:
        with self.lock:
            node.users -= 1

    def _reopen(self, node: Node) -> None:
        chain = []
        above: Node | None = node
        while above is not None and above.fd < 0:
            chain.append(above)
            above = above.parent
        if above is None:
            raise OSError(errno.ESTALE, "closed")
        fd = above.fd
        for step in reversed(chain):
            try:
                found = self.open_directory(step.name, fd)
            finally:
                if fd != above.fd:
                    os.close(fd)
            fd = found
            status = os.fstat(fd)
            if status.st_dev != self.dev or status.st_ino != step.ino:
                os.close(fd)
                raise OSError(errno.ESTALE, "moved while working on it")
        node.fd = fd
        self.open[node] = None

    def open_directory(self, name: str, fd: int) -> int:
        try:
            return os.open(name, DIRECTORY_FLAGS | self.noatime, dir_fd=fd)
        except PermissionError:
            if not self.noatime:
                raise
            found = os.open(name, DIRECTORY_FLAGS, dir_fd=fd)
            self.noatime = 0  # only owners and CAP_FOWNER may leave the access time alone
            return found

    def keep(self, node: Node) -> None:
        """Remember an open node; close the uppermost unused ones if there are too many."""
        with self.lock:
            self.open[node] = None
            if len(self.open) > self.most:
                for other in list(itertools.islice(self.open, 16)):
                    if not other.users and other.parent is not None and other is not node:
                        del self.open[other]
                        os.close(other.fd)
                        other.fd = -1

    def forget(self, node: Node) -> None:
        """It is closed by the caller. Under the lock."""
        self.open.pop(node, None)

    def take_out(self, node: Node) -> None:
        """The node with an open descriptor, which the caller closes."""
        with self.lock:
            if node.fd < 0:
                self._reopen(node)
            self.open.pop(node, None)

    def give_up(self, node: Node) -> None:
        """Close a node that is done; a closed parent is first opened again through ".." if that is still it."""
        parent = node.parent
        if node.fd < 0:
            return
        if parent is not None and parent.fd < 0:
            self._climb(node, parent)
        os.close(node.fd)
        node.fd = -1

    def _climb(self, node: Node, parent: Node) -> None:
        try:
            fd = self.open_directory("..", node.fd)
        except OSError:
            return
        status = os.fstat(fd)
        with self.lock:
            if parent.fd < 0 and status.st_ino == parent.ino and status.st_dev == self.dev:
                parent.fd = fd
                self.open[parent] = None
                return
        os.close(fd)

    def close(self) -> None:
        for node in self.open:
            if node.iterator is not None:
                node.iterator.close()
            os.close(node.fd)
