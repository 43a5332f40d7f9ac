"""Lines of text, once for every reader: wrapped and coloured for a terminal, whole and plain for a pipe."""

from __future__ import annotations

import re
from io import StringIO

from rich.console import Console
from rich.text import Text

from auditor.printable import printable

Part = str | tuple[str, str]
"""Text, or text with a rich style."""


def _breaks(text: str, first: int, later: int) -> list[int]:
    """Where new lines begin. A word that is too long for any line, such as an address, stays whole: the terminal
    breaks it itself, and still copies it as one."""
    breaks: list[int] = []
    start, room = 0, first
    for word in re.finditer(r"\S+", text):
        if word.end() - start > room and word.start() > start:
            start, room = word.start(), later
            breaks.append(start)
    return breaks


class Page:
    def __init__(self, *, color: bool = False, width: int | None = None) -> None:
        """`width` in columns; None never breaks a line, so that grep finds what belongs together."""
        self._out = StringIO()
        self._wraps = width is not None
        self._console = Console(
            file=self._out,
            width=width,
            color_system="standard" if color else None,
            no_color=False,  # whoever asks for colour has looked at NO_COLOR
            highlight=False,
            emoji=False,
        )

    def line(self, *parts: Part, indent: int = 0, hang: int = 0) -> None:
        """`hang`: how much further the second and later lines are indented where the line is wrapped."""
        text = Text.assemble(*(self._part(part) for part in parts))
        room = self._console.width - indent
        breaks = _breaks(text.plain, room, max(20, room - hang)) if self._wraps else ()
        first, *rest = text.divide(breaks)
        self._print(first, indent)
        for line in rest:
            self._print(line, indent + hang)

    def blank(self) -> None:
        self._out.write("\n")

    def text(self) -> str:
        return self._out.getvalue()

    def _print(self, text: Text, indent: int) -> None:
        text.rstrip()
        self._console.print(Text(" " * indent).append_text(text), soft_wrap=True)

    @staticmethod
    def _part(part: Part) -> Part:
        return printable(part) if isinstance(part, str) else (printable(part[0]), part[1])
