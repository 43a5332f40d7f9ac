"""What the earlier sessions of a record say, as far as it is believed."""

from __future__ import annotations

import json
import os
import sys
import time

from .inodes import unpacked
from .machine import boot_id
from .names import shown, unhexed
from .trouble import Trouble, Unrelated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .record import Record

CLAIMS_LAST = 86400
"""Seconds without a word of the run that made them."""


class Past:
    """Claims are (inode, names done, CRC of those names) by directory, names -1 if all below it is done."""

    def __init__(self, *, recent: bool = False) -> None:
        self.recent = recent  # claims of a run that wrote longer ago prove nothing
        self.claims: dict[int, tuple[int, int, int]] = {}
        self.specials: dict[int, dict[int, int]] = {}  # mode bits by directory and inode
        self.moves: list[tuple[str, str]] = []
        self.undone_at = -1
        self.damaged_at = -1  # after a line that is not whole although its session went on
        self.earlier = 0
        self.last = ""  # kind of its last line
        self.lost = False  # a power cut took its first line
        self.names_owners = False
        self._boot = ""
        self._fresh: list[tuple[int, int, tuple[int, int, int]]] = []  # (offset, key, claim) that are not proved yet

    @property
    def over(self) -> bool:
        """It is finished and names owners, or it is lost: a run begins another."""
        return self.lost or (self.names_owners and self.last in ("e", "d"))

    @property
    def damaged(self) -> bool:
        return self.damaged_at > self.undone_at

    def take(self, at: int, fields: list[str]) -> None:
        """One line, from the first to the last."""
        kind = fields[0]
        self.last = self.last if kind == "c" else kind  # which a thread of a finished run may say late
        self.names_owners = self.names_owners or kind in "om"
        if kind in "bc":
            self._session(kind, fields[1])
        elif kind in "fp":
            self._claim(at, fields)
        elif kind in "osm":
            self._fact(kind, fields)
        elif kind in "edkz":
            self.claims, self.specials, self.earlier = {}, {}, 0
            del self._fresh[:]
        if kind == "z":
            self.moves = []
            self.undone_at = at
            self.names_owners = False

    def end(self) -> None:
        if self._boot == boot_id():
            self._prove()

    def _session(self, kind: str, said: str) -> None:
        if kind == "c":
            self._prove(int(said, 16))
            return
        if self._boot == said:
            self._prove()
        del self._fresh[:]
        self._boot = said

    def _prove(self, until: int = sys.maxsize) -> None:
        self.claims.update((key, claim) for at, key, claim in self._fresh if at < until)
        self._fresh = [row for row in self._fresh if row[0] >= until]

    def _claim(self, at: int, fields: list[str]) -> None:
        if not self.recent:
            return
        whole = fields[0] == "f"
        claim = (int(fields[2], 16), -1, 0) if whole else (int(fields[2], 16), int(fields[3], 16), int(fields[4], 16))
        self._fresh.append((at, int(fields[1], 16), claim))

    def _fact(self, kind: str, fields: list[str]) -> None:
        if kind == "o":
            self.earlier += len(unpacked(fields[3]))
        elif kind == "s":
            self.specials.setdefault(int(fields[1], 16), {})[int(fields[2], 16)] = int(fields[3], 8)
        else:
            self.moves.append((unhexed(fields[1]), unhexed(fields[2])))


def past_of(record: Record) -> Past:
    """Raises Unrelated if it is another run's, Trouble if it is no record."""
    past = Past(recent=abs(time.time() - os.fstat(record.fd).st_mtime) < CLAIMS_LAST)
    damage: list[int] = []
    empty = True
    for at, fields in record.lines(damage):
        if fields[0] == "h":
            empty = False
            _same(record, fields[1])
        past.take(at, fields)
    past.end()
    past.damaged_at = damage[-1] if damage else -1
    head = os.pread(record.fd, 4096, 0)
    past.lost = not past.last and bool(head) and (b"\0" in head or b"\n" not in head)
    if empty and head and not past.lost:
        raise Trouble("not-a-record", "%s is not an ownership record. Use another --state." % shown(record.path))
    return past


def _same(record: Record, header: str) -> None:
    found = json.loads(bytes.fromhex(header).decode())
    if found != record.header:
        raise Unrelated(
            "other-run",
            "The ownership record %s belongs to another run (%s, not %s). Use another --state."
            % (shown(record.path), json.dumps(found), json.dumps(record.header)),
        )
