"""Where the programs of this project keep things outside the checkout."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def cache(room: str) -> Path:
    """Folder for what is expensive to make again, `$XDG_CACHE_HOME/posit-audit/<room>`; made if missing."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "posit-audit" / room
    path.mkdir(parents=True, exist_ok=True)
    return path
