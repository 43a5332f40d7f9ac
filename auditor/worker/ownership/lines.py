"""The lines of a record: each with its CRC, so that half a line is not taken for one. docs/worker.md lists them."""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPEAKS_OF_NO_OWNER = frozenset("bckzfped")
"""Kinds of lines; what a record says of owners must be in the others."""
HEAD = 9  # bytes before the body


def line(body: str) -> bytes:
    data = body.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(data), data)


def is_whole(text: bytes) -> bool:
    """Whether it is a line, without its line break, that was written to its end."""
    return text[:8] == b"%08x" % zlib.crc32(text[HEAD:])


def whole_lines(file: Iterable[bytes], damage: list[int]) -> Iterator[tuple[int, list[str]]]:
    """(offset, fields) of each whole line; `damage` gets the offsets after lines that are torn within a session."""
    offset = 0
    torn = False  # the line before
    for text in file:
        body = text[HEAD:-1]
        whole = text.endswith(b"\n") and is_whole(text[:-1])
        if torn and body[:1] != b"b":
            damage.append(offset)
        if whole:
            yield offset, body.decode("ascii").split(" ")
        torn = not whole and text != b"\n"
        offset += len(text)


def last_kind(tail: bytes) -> str:
    """The kind of the last line in the end of a record (c may come after it); empty if there is none."""
    last = ""
    for text in tail.split(b"\n"):
        if is_whole(text) and text[HEAD : HEAD + 1] not in (b"", b"c"):
            last = text[HEAD : HEAD + 1].decode()
    return last
