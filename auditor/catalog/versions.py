"""Order among chart and product versions."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.version import InvalidVersion, Version

_OLDEST = Version("0.dev0")
_SEMVER_BUILD = re.compile(r"\+.*$")


@lru_cache(maxsize=4096)
def parse(version: str) -> Version | None:
    """`version` as something that can be compared, or None where it is no version (`jammy-2026.08.0`)."""
    try:
        return Version(_SEMVER_BUILD.sub("", version.strip()))
    except InvalidVersion:
        return None


def order(version: str) -> Version:
    """A sort key; what is no version comes first."""
    return parse(version) or _OLDEST


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
