"""What the API server says of a conflict of server-side apply."""

from __future__ import annotations

import json
import re
from typing import Final

_HOLDER: Final = re.compile(r'conflict with ("(?:[^"\\]|\\.)*")')
"""k8s.io/apimachinery, pkg/util/managedfields/internal/conflict.go"""


def holders(body: bytes) -> tuple[tuple[str, str], ...]:
    """Field and manager of each conflict, from the Status that was sent."""
    try:
        causes = (json.loads(body or b"{}").get("details") or {}).get("causes") or ()
        found = ((str(cause.get("field", "")), _HOLDER.match(str(cause.get("message", "")))) for cause in causes)
        return tuple((field, json.loads(holder[1])) for field, holder in found if holder)
    except (ValueError, AttributeError, TypeError):
        return ()
