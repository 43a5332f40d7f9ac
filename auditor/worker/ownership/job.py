"""What is to be done, on what, and with how many hands: the same in every process."""

from __future__ import annotations

import os
import time

from .machine import descriptors, hands
from .record import Record
from .volume import Volume
from .words import shared, total

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from .former import Former
    from .node import Node
    from .past import Past
    from .statx import Births, Table


class Kept:
    """The records of a run: the one that it writes, or those that it undoes."""

    def __init__(self, words: memoryview) -> None:
        self.record = Record("", {}, words)
        self.records: list[tuple[Record, Past]] = []
        self.left_out: list[str] = []
        self.problem = ""  # the name of an errno
        self.folder = -1  # inode of the directory of the records, if that is on the volume
        self.name = ""  # of theirs, without numbers and shards
        self.claims: dict[int, tuple[int, int, int]] = {}
        self.specials: dict[int, dict[int, int]] = {}
        self.former: Former | None = None
        self.births: Births | None = None


class Job:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.started = time.monotonic()
        self.mode = "undo" if args.undo else "check" if args.check else "run"
        self.uid, self.gid = args.uid, args.gid
        self.shard, self.shards = args.shard
        self.volume = Volume(args.root, changes=self.mode != "check")
        self.processes, self.threads_max = hands()
        self.open_max = descriptors()
        self.words = shared(self.processes)
        self.kept = Kept(self.words)
        self.table: Table | None = None
        self.aside: list[dict[str, Any]] = []

    def total(self, what: int) -> int:
        return total(self.words, self.processes, what)

    def is_mine(self, key: int) -> bool:
        """Whether the entries of a directory are this shard's."""
        return bool(key % self.shards == self.shard)

    def damaged(self) -> list[Record]:
        """Undo: the records that do not say all."""
        return [record for record, past in self.kept.records if self.mode == "undo" and past.damaged]

    def owners_before(self, node: Node) -> dict[int, tuple[int, int]]:
        return self.kept.former.owners(node.key) if self.kept.former else {}

    def close(self) -> None:
        for record, _ in self.kept.records:
            record.close()
        os.close(self.volume.fd)
