"""Names that are left alone, and their owners with them."""

from __future__ import annotations

OUR_PREFIX = ".posit-audit"
"""At the top: records, and whatever else this program keeps on a volume."""
SKIP_DIRECTORIES = frozenset((".snapshot", "~snapshot", ".zfs"))
"""Everywhere: read-only views of the past (NetApp, Isilon, ZFS)."""
SKIP_AT_TOP = frozenset(("lost+found", ".snapshots", "aquota.user", "aquota.group"))
"""At the top only: what belongs to the file system itself."""
