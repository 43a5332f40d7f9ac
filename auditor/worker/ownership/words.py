"""Memory that all processes of a run share: words of 8 bytes, which each may read and write without a lock.

Word 0 is the stop word, word UNKEPT the first errno of a record that could not be kept; then comes one row of ROW words
for each process.
"""

from __future__ import annotations

import mmap

ROW = 8
UNKEPT = 1
SEEN, WRONG, CHANGED, FAILED, WANTED, HUNGRY = range(6)  # of a row
GO, STOPPED, REFUSED, LOST, DONE = range(5)  # the stop word
REASONS = {STOPPED: "stopped by a signal", REFUSED: "every change was refused", LOST: "a worker process died"}


def shared(processes: int) -> memoryview:
    return memoryview(mmap.mmap(-1, 8 * row_of(processes))).cast("Q")


def row_of(index: int) -> int:
    """Where the row of a process begins."""
    return ROW * (index + 1)


def total(words: memoryview, processes: int, what: int) -> int:
    return sum(words[row_of(index) + what] for index in range(processes))
