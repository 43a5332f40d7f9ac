"""Names from outside as they are printed.

Object names stay as they are, since an administrator must find the object, but for a part that looks random.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "****"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_LICENSE_KEY: Final = r"(?:[A-Z0-9]{4,6}-){2,}[A-Z0-9]{4,6}|(?=[a-z-]*\d)(?:[a-z0-9]{4}-){4,}[a-z0-9]{4}"
"""Groups of the same length, as product keys are written."""
_PART: Final = re.compile(rf"({_UUID}|{_DIGEST})|({_LICENSE_KEY})|([A-Za-z0-9]+)")
_LONG: Final = 16
_LONG_MIXED: Final = 8


def name(text: str) -> str:
    """The name of an object, a user, a field manager, an image or a path: whole, but for parts that look random. What
    Kubernetes generates stays: UUIDs, digests, the ends of pods' names."""
    return _PART.sub(lambda part: MASK if part[2] or (part[3] and _is_random(part[3])) else part[0], text)


def _is_random(part: str) -> bool:
    kinds = [any(map(kind, part)) for kind in (str.isdigit, str.islower, str.isupper)]
    if all(kinds):
        return len(part) >= _LONG_MIXED and not re.fullmatch(r"(?:[A-Z]?[a-z]+|[A-Z]+|\d{1,2}(?!\d))+", part)
    return len(part) >= _LONG and kinds[0] and (kinds[1] or kinds[2])
