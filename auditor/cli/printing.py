"""The way to stdout: colours and a width only where a person looks at a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from auditor.printable import printable_lines

if TYPE_CHECKING:
    from auditor.model.seen import Unseen


def show_what_cannot_be_encoded() -> None:
    """Escaped: a sentence with an arrow must not end a run at a terminal that knows Latin-1 only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_result(rendered: str | Callable[[bool, int | None], str]) -> None:
    """Writes a text, or what a renderer makes of (color, width), to stdout with one line end. Width None: no line is
    broken in a pipe, where grep wants it whole."""
    if callable(rendered):
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else None
        rendered = rendered(terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb", width)
    sys.stdout.write(rendered.rstrip("\n") + "\n")
    sys.stdout.flush()  # what a person agrees to is in the pipe before the question comes


def say(line: str) -> None:
    """One line of progress or notice for a person, on stderr. Where nobody reads it any more, what is under way goes on
    all the same."""
    try:
        sys.stderr.write(printable_lines(line) + "\n")
        sys.stderr.flush()
    except OSError:
        mute(sys.stderr)


def say_unseen(blind: Sequence[Unseen]) -> None:
    """Why a run ends with 1 that told nothing of any release: the log's last line, whatever the form of the result."""
    first = blind[0]
    say(f"posit-audit: Nothing could be looked at: {first.reason} Check with: posit-audit preflight")


def mute(stream: TextIO) -> None:
    """What can't be written is dropped: Python would complain of it once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
