"""Of an event or a condition: its reason, the image that it names, counts, and what is known to be said. Its message is
written by kubelets, drivers and webhooks, which quote mount options, addresses and the object itself."""

from __future__ import annotations

import re
from typing import Final

from auditor.names.shown import key, name
from auditor.names.told import told

_REASON: Final = re.compile(r"[A-Z][A-Za-z]{0,60}")
_IMAGE: Final = re.compile(r'image:? "([^"\s]+)"')
_COUNTED: Final = re.compile(r"processed \d+ files")
_KNOWN: Final = re.compile(
    "exceeded quota|quota exceeded|Multi-Attach error|timed out|deadline exceeded|no space left on device|not found"
    "|permission denied|access denied|connection refused|no such host|unauthorized|manifest unknown|rate limit"
    "|wrong fs type|read-only file system|stale file handle|no route to host|already mounted"
)
_POD_SECURITY: Final = re.compile(r"(violates PodSecurity|unable to validate against any security context).*")


def event(reason: str, message: str = "", count: int = 1) -> str:
    """`FailedMount: permission denied (3 times)`."""
    image = _IMAGE.search(message)
    said = [*dict.fromkeys(_KNOWN.findall(message)), *_COUNTED.findall(message)]
    said += [f"image {name(image[1])}"] if image else []
    shown = reason if _REASON.fullmatch(reason) else key(reason)
    times = f" ({count} times)" if count > 1 else ""
    return f"{shown}{': ' if said else ''}{', '.join(said)}{times}"


def pod_security(message: str) -> str:
    """What Pod Security admission says of a pod of ours: it names fields, and quotes no value."""
    found = _POD_SECURITY.search(message)
    return told(found[0]) if found else ""
