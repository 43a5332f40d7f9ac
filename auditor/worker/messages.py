"""What the programs in a pod print, one JSON object a line. Both speak it: the worker and its twin.

A log may hold anything, and a pod may lie: a line that is not one of these, whole and of the right types, is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Path = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_./+-]{0,255}\Z")]
"""Of an interpreter: shown to people, so that it can't hold what a terminal acts on."""
Code = Annotated[str, msgspec.Meta(pattern=r"\A[a-z-]{1,40}\Z")]
Tool = Literal["python", "posix"]


class Started(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="started"):
    """What the image has, and so what does the work."""

    tool: Tool
    python: Path = ""
    version: Path = ""
    limits: tuple[Code, ...] = ()
    """Of the twin: what it can't promise with the tools that are there (auditor/worker/limits.py)."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="progress"):
    seen: Count = 0
    wrong: Count = 0
    changed: Count = 0
    failed: Count = 0
    per_second: float = 0
    directory: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="refusal"):
    """It did not begin. `code` is what decisions are made by; `message` is for people."""

    code: Code
    message: str


class Owned(msgspec.Struct, frozen=True):
    count: Count | None = None
    samples: tuple[str, ...] = ()


class Aside(msgspec.Struct, frozen=True, omit_defaults=True):
    path: str = ""
    moved: bool = False
    why: str = ""
    to: str = ""


class Looked(msgspec.Struct, frozen=True, rename={"directories_share": "wrong_directories_share"}):
    exhaustive: bool = False
    wrong_entries_share: float | None = None
    directories_share: float | None = None
    estimated_entries: Count | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="summary"):
    """The last line. A field that one of the programs doesn't know is None."""

    complete: bool = False
    code: Code | None = None
    """Why it is not complete, where there is a message."""
    message: str | None = None
    seen: Count | None = None
    wrong: Count | None = None
    changed: Count | None = None
    earlier: Count | None = None
    """How many the runs that were cut off before had written down."""
    failed: Count | None = None
    unreadable: Count | None = None
    seconds: float | None = None
    per_second: float | None = None
    wrong_by_owner: Mapping[str, Owned] | None = None
    mode_bits: Mapping[str, Owned] | None = None
    """What became of setuid and setgid bits: `kept` (the worker only) and `dropped`."""
    looked: Looked | None = None
    moved_aside: tuple[Aside, ...] | None = None
    records: tuple[str, ...] | None = None
    left_out: tuple[str, ...] | None = None
    limits: tuple[Code, ...] | None = None


Message = Started | Progress | Refusal | Summary
_DECODER = msgspec.json.Decoder(Message)


def decode(line: str) -> Message | None:
    try:
        message: Message = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return message


def messages(lines: Iterable[str]) -> Iterator[Message]:
    return filter(None, map(decode, lines))


def plain(message: Summary | Progress) -> dict[str, Any]:
    """For journals and progress: what it told, without what it did not."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(message))
    told.pop("event", None)
    return told
