"""Text from outside, made printable: file names, events, log lines and the words of pods are anyone's bytes."""

from __future__ import annotations

import re
from typing import Any, Final

_INVISIBLE: Final = frozenset(
    (
        0x034F,  # combining grapheme joiner
        *(0x115F, 0x1160, 0x3164, 0xFFA0),  # fillers of Hangul
        *(0x17B4, 0x17B5),  # inherent vowels of Khmer
        *range(0x180B, 0x1810),  # selectors and separators of Mongolian
        0x2800,  # the empty pattern of Braille
        *range(0xFE00, 0xFE10),  # variation selectors
        *range(0xE0100, 0xE01F0),
    )
)
"""What Unicode counts as printable and nothing shows: whole texts have been hidden in it."""
_VISIBLE_ASCII: Final = re.compile(r"[ -~]*")

MASK: Final = "****"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
PRODUCT_KEY: Final = r"(?:[A-Z0-9]{4,6}-){2,}[A-Z0-9]{4,6}|(?=[a-z-]*\d)(?:[a-z0-9]{4}-){4,}[a-z0-9]{4}"
"""Groups of the same length, as product keys are written."""
_OF_A_CLOUD: Final = r"\b(?:i|vol|fs|fsap)-[0-9a-f]{8,17}\b"
"""How AWS numbers nodes and volumes (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html)."""
_PART: Final = re.compile(rf"({_UUID}|{_DIGEST}|{_OF_A_CLOUD})|({PRODUCT_KEY})|([A-Za-z0-9]+)")
_LONG: Final = 16
_LONG_MIXED: Final = 8


def printable(text: str) -> str:
    """One line: what would steer a terminal, turn the reading direction, show nothing, or can't be encoded is shown
    escaped (`\\x1b`, `\\u202e`)."""
    if _VISIBLE_ASCII.fullmatch(text):
        return text
    return "".join(one if one.isprintable() and ord(one) not in _INVISIBLE else _escaped(ord(one)) for one in text)


def printable_lines(text: str) -> str:
    """As `printable`; line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


def printable_all(value: Any) -> Any:
    """Every text in a tree of plain data, keys of maps too."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {printable_all(key): printable_all(below) for key, below in value.items()}
        case list() | tuple():
            return [printable_all(item) for item in value]
        case _:
            return value


def name(text: str) -> str:
    """The name of an object, a user, a field manager, an image or a path: whole, but for parts that look random. What
    Kubernetes generates stays: UUIDs, digests, the ends of pods' names."""
    return _PART.sub(lambda part: MASK if part[2] or (part[3] and _is_random(part[3])) else part[0], text)


def _is_random(part: str) -> bool:
    kinds = [any(map(kind, part)) for kind in (str.isdigit, str.islower, str.isupper)]
    if all(kinds):
        return len(part) >= _LONG_MIXED and not re.fullmatch(r"(?:[A-Z]?[a-z]+|[A-Z]+|(?:\d{1,2}|20\d\d)(?!\d))+", part)
    return len(part) >= _LONG and kinds[0] and (kinds[1] or kinds[2])


def _escaped(code: int) -> str:
    if code < 0x100:  # noqa: PLR2004 - as Python writes it
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
