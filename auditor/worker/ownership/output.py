"""What the program says: JSON lines on stdout. The work goes on if they reach no reader any longer."""

from __future__ import annotations

import json
import sys
import time

from .names import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Output:
    def __init__(self) -> None:
        self.broken = sys.stdout is None  # closed before it began
        self.began = self.said = time.monotonic()
        self.seen = 0

    def say(self, line: dict[str, Any]) -> None:
        if self.broken:
            return
        try:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        except OSError:
            self.broken = True

    def started(self) -> None:
        """Which interpreter it is that runs."""
        version = "%d.%d.%d" % sys.version_info[:3]
        self.say({"event": "started", "tool": "python", "python": sys.executable, "version": version})

    def progress(self, counts: dict[str, int], hand: str, threads: int) -> None:
        """At most once a second."""
        now = time.monotonic()
        if now - self.said < 1.0:
            return
        per_second = round((counts["seen"] - self.seen) / (now - self.said))
        line = {"event": "progress", **counts, "per_second": per_second, "directory": shown(hand), "threads": threads}
        self.said, self.seen = now, counts["seen"]
        self.say(line)
