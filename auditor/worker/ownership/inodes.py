"""Inodes as text: what a record mostly consists of."""

from __future__ import annotations


def packed(inodes: list[int]) -> str:
    """Inodes as hexadecimal steps with run lengths: [5, 6, 7, 20] is "5+2,d"."""
    inodes = sorted(set(inodes))  # a listing that changes meanwhile may name a file twice
    if inodes[-1] - inodes[0] == len(inodes) - 1 > 0:  # made one after the other, as those of a package often are
        return "%x+%x" % (inodes[0], len(inodes) - 1)
    out = []
    last = 0
    i = 0
    while i < len(inodes):
        j = i
        while j + 1 < len(inodes) and inodes[j + 1] == inodes[j] + 1:
            j += 1
        out.append("%x+%x" % (inodes[i] - last, j - i) if j > i else "%x" % (inodes[i] - last))
        last = inodes[j]
        i = j + 1
    return ",".join(out)


def unpacked(text: str) -> list[int]:
    inodes: list[int] = []
    last = 0
    for part in text.split(","):
        step, _, more = part.partition("+")
        first = last + int(step, 16)
        last = first + (int(more, 16) if more else 0)
        inodes.extend(range(first, last + 1))
    return inodes
