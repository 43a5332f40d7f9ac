"""Names from outside as they are printed.

Object names stay as they are, since an administrator must find the object, but for a part that looks random. Keys (of
values, of a Secret, of a map) are written by anyone about anything: known words stay, the rest is masked.
"""

from __future__ import annotations

import difflib
import re
from functools import cache, lru_cache
from typing import Final

from auditor.names.words import PIECE, known
from auditor.printable import MASK, PRODUCT_KEY, name

__all__ = ["MASK", "key", "name"]

_LICENSE: Final = re.compile(PRODUCT_KEY)
_MASKED: Final = "\x00"
_WORD: Final = re.compile(r"([^A-Za-z0-9\x00\x80-\U0010ffff]*)([A-Za-z0-9\x80-\U0010ffff]*|\x00)")
_SHORT: Final = 4
_SHORT_WORDS: Final = 1
_MISSPELLED: Final = 5
_CLOSE: Final = 0.85


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """A key of values, of a Secret or of a map, also with those above it (`config.Postgres.Password`). Known words,
    dates, small numbers and what misspells a known word stay, and so does one short word: in
    `2026-12-15_pm_acme_****.lic` it is `acme`."""
    shown: list[str] = []
    strange = 0
    masking = False
    for found in _WORD.finditer(_LICENSE.sub(_MASKED, text)):
        between, word = found.groups()
        if re.search(r"[^-_ ]", between):
            masking = False
        if word in ("", _MASKED) or not (_is_known(word) or (not masking and _is_plain(word))):
            readable = not word or (not masking and strange < _SHORT_WORDS and _is_short(word))
            strange += bool(word)
        else:
            readable = True
        masking = masking or not readable
        if readable or not shown or shown[-1] != MASK or not re.fullmatch(r"[-_ ]*", between):
            shown += [between, word if readable else MASK]
    return "".join(shown)


def _is_known(word: str) -> bool:
    if word.lower() in known():
        return True
    pieces = PIECE.findall(word)
    return len("".join(pieces)) == len(word) and all(map(_is_known_piece, pieces))


@cache
def _by_length() -> dict[int, list[str]]:
    words: dict[int, list[str]] = {}
    for word in known():
        words.setdefault(len(word), []).append(word)
    return words


def _is_known_piece(piece: str) -> bool:
    small = piece.lower()
    if piece.isdigit():
        return len(piece) == 1
    if small in known() or small.removesuffix("s") in known():
        return True
    near = [word for length in range(len(piece) - 1, len(piece) + 2) for word in _by_length().get(length, ())]
    return len(piece) >= _MISSPELLED and bool(difflib.get_close_matches(small, near, n=1, cutoff=_CLOSE))


def _is_plain(word: str) -> bool:
    """A date, a version or a small number."""
    return bool(re.fullmatch(r"\d{1,2}|v?\d{1,2}|(?:19|20)\d\d(?:[01]\d[0-3]\d)?", word))


def _is_short(word: str) -> bool:
    return len(word) <= _SHORT and word.isalpha() and word.isascii() and (word.islower() or word.istitle())
