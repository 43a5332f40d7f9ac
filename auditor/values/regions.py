"""Where an entry's lines begin and end in the text, and a moved entry's lines at another place."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from auditor.values.nodes import Node

_INDICATORS: Final = "|>"
_BESIDE: Final = re.compile(r"[ \t]+#[^\r\n]*")


class CannotSplice(Exception):
    """The text is written in a way (flow style, aliases, keys that share a line) that lines can't be cut out of."""


class Region(NamedTuple):
    """Whole lines, ``text[start:end]``; `column` (from 0) is where the key or the dash stands."""

    start: int
    end: int
    column: int
    head: int


def line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """The index behind the line break that ends the line of `index`."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def content_end(text: str, node: Node) -> int:
    """The index behind a node's last character; blank lines after a block scalar are not its own, unless kept."""
    if node.kind == "scalar" and node.style and node.style in _INDICATORS:
        header = text[node.start : line_end(text, node.start)]
        body = text[node.start : node.end]
        kept = "+" in header.partition("#")[0]
        return node.start + (len(body) if kept else len(body.rstrip(" \r\n")))
    if node.kind in ("scalar", "alias") or node.flow:
        return node.end
    last = node.items[-1] if node.kind == "list" else node.pairs[-1][1]
    return max(content_end(text, last), node.pairs[-1][0].end if node.kind == "map" else 0)


def region_end(text: str, node: Node) -> int:
    """The index behind the last line of a node, its comment included."""
    end = content_end(text, node)
    if end and text[end - 1] == "\n":
        return end
    stop = line_end(text, end)
    rest = text[end:stop].strip()
    if rest and not rest.startswith("#"):
        raise CannotSplice
    return stop


def beside(text: str, node: Node) -> str:
    """The comment on the line on which an alias, or a map or list in brackets, ends; the blanks before it too."""
    found = _BESIDE.match(text, node.end) if node.kind == "alias" or node.flow else None
    return found[0] if found else ""


def of_entry(text: str, key: Node, value: Node) -> Region:
    """The lines of ``key: value`` with the comment lines that stand right above it."""
    begin = line_start(text, key.start)
    if text[begin : key.start].strip(" "):
        raise CannotSplice
    end = max(region_end(text, value), line_end(text, key.end))
    return Region(_with_comments(text, begin, key.start - begin), end, key.start - begin, key.start)


def of_item(text: str, parent: Node, index: int) -> Region:
    """The lines of a list's item, dash included, with the comment lines that stand right above it."""
    if parent.flow:
        raise CannotSplice
    column = dash_column(text, parent)
    first = parent.items[index]
    begin = line_start(text, first.start)
    while not text.startswith("-", begin + column) or text[begin : begin + column].strip(" "):
        if begin == 0:
            raise CannotSplice
        begin = line_start(text, begin - 1)
    return Region(_with_comments(text, begin, column), region_end(text, first), column, begin + column)


def dash_column(text: str, node: Node) -> int:
    """The column, from 0, at which a block list's dashes stand."""
    start = node.start
    if node.anchor is not None or node.tag is not None or not text.startswith("-", start):
        raise CannotSplice
    return start - line_start(text, start)


def _with_comments(text: str, begin: int, column: int) -> int:
    """Comments at the very beginning of a file speak of the file, not of its first key."""
    start = begin
    while start > 0:
        above = line_start(text, start - 1)
        line = text[above:start]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) != column:
            return start
        start = above
    return begin


def behind(text: str, region: Region) -> int:
    """The index behind a region and the comments that follow it further in: they were its last lines."""
    end = at = region.end
    while at < len(text):
        stop = line_end(text, at)
        line = text[at:stop].strip()
        indent = len(text[at:stop]) - len(text[at:stop].lstrip(" "))
        if line and not (line.startswith("#") and indent > region.column):
            break
        at = stop
        end = at if line else end
    return end


def moved_lines(text: str, region: Region, column: int, rename: tuple[str, int] | None) -> list[str]:
    """A region's lines, without line endings, with its key or dash at `column`.

    `rename` gives the key's new text and the length of the old one.
    """
    body = text[region.start : region.end]
    if rename is not None:
        name, length = rename
        head = region.head - region.start
        body = body[:head] + name + body[head + length :]
    lines = body.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [shifted(line.removesuffix("\r"), column - region.column) for line in lines]


def shifted(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line else line
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(-by, spaces) :]
