"""The owners that the records of earlier runs name, for undo."""

from __future__ import annotations

import array
import bisect

from .inodes import unpacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .past import Past
    from .record import Record

BLOCK = 100000


class Former:
    """By directory: packed arrays of where their lines are, whatever the number of lines."""

    def __init__(self, records: list[tuple[Record, Past]]) -> None:
        self.records = [record for record, _ in records]
        self.blocks: list[tuple[array.array[int], array.array[int], array.array[int]]] = []
        lines: list[tuple[int, int, int]] = []  # (directory's key, number of the record, offset in it)
        for number, (record, past) in enumerate(records):
            for offset, fields in record.lines():
                if fields[0] == "o" and offset > past.undone_at:
                    lines.append((int(fields[1], 16), number, offset))
                    if len(lines) >= BLOCK:
                        self._pack(lines)
                        lines = []
        self._pack(lines)

    def _pack(self, lines: list[tuple[int, int, int]]) -> None:
        if lines:
            lines.sort()
            columns = list(zip(*lines))  # noqa: B905  no strict= before Python 3.10
            self.blocks.append(
                (array.array("Q", columns[0]), array.array("H", columns[1]), array.array("Q", columns[2]))
            )

    def owners(self, key: int) -> dict[int, tuple[int, int]]:
        """(uid, gid) by inode, as first found in the directory with this key."""
        found: dict[int, tuple[int, int]] = {}
        for keys, numbers, offsets in self.blocks:
            i = bisect.bisect_left(keys, key)
            while i < len(keys) and keys[i] == key:
                fields = self.records[numbers[i]].fields_at(offsets[i])
                uid, _, gid = fields[2].partition(":")
                for inode in unpacked(fields[3]):
                    found.setdefault(inode, (int(uid), int(gid)))
                i += 1
        return found
