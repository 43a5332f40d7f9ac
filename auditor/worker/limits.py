"""What the shell program (the twin) can't promise, by the codes that it prints itself (shell/limits.sh)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NO_RECORD: Final = "no-record"
IN_WORDS: Final = {
    NO_RECORD: "former owners are not recorded, so that undo is not possible",
    "no-bits": "setuid and setgid bits of changed files are lost",
    "no-resume": "a run that was cut off checks every entry again",
    "no-shards": "the work can't be split into parts",
    "nested-mounts": "another mount of the same file system below the volume is not recognized",
    "swapped-directories": "a directory that is replaced by a link while it is being worked on is not always noticed",
    "replaced-files": "undo also changes a file that has replaced another one under its name and inode number since",
}
ALWAYS: Final = ("no-shards", "nested-mounts", "swapped-directories", "replaced-files")
"""With whatever tools."""


def in_words(codes: Iterable[str]) -> str:
    """A code that only a later version knows is left out: it could not be explained."""
    return "; ".join(IN_WORDS[code] for code in codes if code in IN_WORDS)
