"""What a limited look proves about what it did not see."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFIDENCE = 0.95


def smallest_share(draws: float) -> float:
    """The share that so many even draws meet at least once with CONFIDENCE; 1.0 if they prove nothing."""
    return round(1 - (1 - CONFIDENCE) ** (1 / draws), 6) if draws >= 1 else 1.0


def everything(seen: int) -> dict[str, Any]:
    return {
        "entries": seen,
        "exhaustive": True,
        "confidence": 1.0,
        "wrong_directories_share": 0.0,
        "wrong_entries_share": 0.0,
    }


def estimate(seen: int, descents: list[tuple[float, float]]) -> dict[str, Any]:
    """From the (directories, entries) that each descent stands for.

    A directory's chance to be met by one descent is one over the product of the branchings above it. The sum of
    these products over a descent is Knuth's estimate of the size of the tree; how much the sums differ tells how
    many evenly drawn directories the descents are worth (Kish's effective sample size).
    """
    sums = [directories for directories, _ in descents]
    worth = sum(sums) ** 2 / sum(each * each for each in sums) if sums else 0.0
    return {
        "entries": seen,
        "exhaustive": False,
        "confidence": CONFIDENCE,
        "descents": len(sums),
        "effective_directories": round(worth, 1),
        "estimated_entries": round(sum(entries for _, entries in descents) / len(sums)) if sums else None,
        "wrong_directories_share": smallest_share(worth),
        "wrong_entries_share": smallest_share(seen),
    }
