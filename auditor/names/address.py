"""An address as it may be printed: where it leads, without what would open it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from auditor.names.shown import name

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`<>|\\^{}\[\]]+(?<![.,:;)])")


def address(url: str) -> str:
    """Without user, password, query and fragment; of the path what looks like a token is masked."""
    parts, bare = urlsplit(without_credentials(url)), without_credentials(url)
    return urlunsplit(parts._replace(path="/".join(map(name, parts.path.split("/"))))) if parts.netloc else bare


def without_credentials(url: str) -> str:
    """The same place, without user, password, query and fragment; what is no URL stays."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def addresses(text: str) -> str:
    """A text with each URL in it as `address` prints it."""
    return _ADDRESS.sub(lambda found: address(found[0]), text)
