"""What one process found, merged by the first one: counts with samples."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SAMPLES = 5
ROWS_MAX = 1000  # different owners, or kinds of failures; those beyond are "others"
LINKS_MAX = 50000  # hard-linked inodes remembered by each process


class Tally:
    def __init__(self) -> None:
        self.owners: dict[str, list[Any]] = {}
        self.failures: dict[str, list[Any]] = {}
        self.skipped: dict[str, list[Any]] = {}
        self.bits: dict[str, list[Any]] = {}
        self.links: dict[int, str] = {}
        self.vanished = 0
        self.resumed = 0

    @staticmethod
    def note(table: dict[str, list[Any]], what: str, path: str, count: int = 1) -> None:
        row = table.get(what)
        if row is None:
            if len(table) >= ROWS_MAX:
                what = "others"
            row = table.setdefault(what, [0])
        row[0] += count
        if len(row) <= SAMPLES and path:
            row.append(path)

    def dump(self) -> dict[str, Any]:
        return dict(self.__dict__, links=list(self.links.items()))

    def merge(self, other: dict[str, Any]) -> dict[str, int]:
        """Add another process's tally; answers how many hard-linked inodes both had counted, by owner."""
        for name in ("owners", "failures", "skipped", "bits"):
            mine = getattr(self, name)
            for what, row in other[name].items():
                self.note(mine, what, "", row[0])
                ours = mine.get(what) or mine["others"]
                ours.extend(row[1 : SAMPLES + 2 - len(ours)])
        twice: dict[str, int] = {}
        for inode, owner in other["links"]:
            if inode in self.links:
                twice[owner] = twice.get(owner, 0) + 1
            self.links[inode] = owner
        self.vanished += other["vanished"]
        self.resumed += other["resumed"]
        return twice

    @staticmethod
    def public(table: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
        return {k: {"count": v[0], "samples": v[1:]} for k, v in sorted(table.items())}
