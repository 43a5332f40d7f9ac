"""Order among chart and product versions, as SemVer has it: https://semver.org/#spec-item-11"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

# Product versions have leading zeros (2026.04.0), and some of them four numbers.
_VERSION: Final = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?", re.ASCII
)
_NUMBERS: Final = 3


class Version(NamedTuple):
    """`release`: at least three numbers. `rest` puts a pre-release (0.21.0-rc.1) before the release itself."""

    release: tuple[int, ...]
    rest: tuple[int, tuple[tuple[int, int, str], ...]]


@lru_cache(maxsize=4096)
def parse(version: str) -> Version | None:
    """`version` as something that can be compared, or None where it is no version (`jammy-2026.08.0`)."""
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        return None
    numbers = [int(number) for number in match["release"].split(".")]
    while len(numbers) > _NUMBERS and numbers[-1] == 0:
        numbers.pop()
    numbers += [0] * (_NUMBERS - len(numbers))
    before = match["before"]
    return Version(tuple(numbers), (0, tuple(map(_part, before.split(".")))) if before else (1, ()))


def _part(text: str) -> tuple[int, int, str]:
    """Numbers come before words."""
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


def order(version: str) -> Version:
    """A sort key. Raises ValueError for what is no version: whoever has one from a cluster asks `parse` first."""
    found = parse(version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    return found


def within(version: str, since: str | None, until: str | None) -> bool:
    """Whether `version` lies in ``[since, until)``; a missing end is open."""
    at = order(version)
    return (since is None or order(since) <= at) and (until is None or at < order(until))


@lru_cache(maxsize=512)
def _range(text: str) -> tuple[tuple[str, Version], ...]:
    bounds = []
    for bound in text.split():
        match = re.fullmatch(r"(<=|>=|<|>|=)(\S+)", bound)
        version = parse(match[2]) if match else None
        if match is None or version is None:
            raise ValueError(f"{text!r} is no version range; write for example '>=0.20.12 <0.21.0'")
        bounds.append((match[1], version))
    return tuple(bounds)


def satisfies(version: str, text: str) -> bool:
    """Whether `version` is in a range such as ``>=0.9.0 <0.20.5``; every bound must hold. ValueError: no range."""
    at = order(version)
    compare = {
        "<": at.__lt__, "<=": at.__le__, ">": at.__gt__, ">=": at.__ge__, "=": at.__eq__,
    }  # fmt: skip
    return all(compare[operator](bound) for operator, bound in _range(text))
