"""API objects become a frozen Snapshot. Reads only; a refusal is a value."""

from auditor.inventory.discovery import DISCOVERY_ACCESS
from auditor.inventory.take import FACET_ACCESS, Sights, take

__all__ = ["DISCOVERY_ACCESS", "FACET_ACCESS", "Sights", "take"]
