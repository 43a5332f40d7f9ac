"""Paths and names: for people, and as keys of a record."""

from __future__ import annotations

import os

ROOT_KEY = 1
LONGEST = 400
"""Characters of a path that is shown whole."""


def shown(path: str) -> str:
    """A path for people and JSON: bytes that aren't UTF-8 as \\xNN, the middle of very long paths left out."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if len(text) <= LONGEST else text[:190] + "[...]" + text[-200:]


def hexed(text: str) -> str:
    return os.fsencode(text).hex()


def unhexed(text: str) -> str:
    return os.fsdecode(bytes.fromhex(text))


def key_below(key: int, name: str) -> int:
    """The key of a directory's subdirectory: a hash of its path."""
    import hashlib  # costs more than the rest of a small run, and only a record or shards need it

    digest = hashlib.blake2b(os.fsencode(name), digest_size=8, key=key.to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little")
