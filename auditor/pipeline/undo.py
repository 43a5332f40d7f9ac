"""Take back what a journal says was done."""

from __future__ import annotations

from pathlib import Path

from auditor.apply.journal import Journal, newest_journal
from auditor.apply.progress import Progress
from auditor.apply.tools import open_tools
from auditor.apply.undo import undo
from auditor.cluster.connect import connect
from auditor.model.outcome import Outcome
from auditor.settings import ClusterSettings


def find(path: Path | None) -> Journal:
    """The named journal, otherwise that of the last run that changed something. Raises UnreadableFile."""
    return Journal.open(path) if path else newest_journal()


def take_back(settings: ClusterSettings, journal: Journal, *, helm: str, progress: Progress) -> tuple[Outcome, ...]:
    """Raises PlanRefused where the journal is of another cluster, Interrupted on Ctrl-C, SIGTERM and SIGHUP."""
    with open_tools(connect(settings), helm=helm) as tools:
        return undo(journal, tools, progress)
