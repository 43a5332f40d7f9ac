"""Take back what a journal says was done."""

from __future__ import annotations

from pathlib import Path

import msgspec

from auditor.apply.journal import Journal
from auditor.apply.past_runs import gone_on_from, newest
from auditor.apply.progress import Progress
from auditor.apply.records import Intent
from auditor.apply.tools import open_tools
from auditor.apply.undo import to_take_back, undo
from auditor.cluster.connect import Connection, connect
from auditor.model.outcome import Outcome
from auditor.model.plan import Step
from auditor.planning.plan import with_action
from auditor.settings import ClusterSettings


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A run to take back, with those before that it went on from, newest first."""

    connection: Connection
    journal: Journal
    earlier: tuple[Journal, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is left to take back, the last one first."""
        return tuple(back.step for back in to_take_back(self.journal, self.earlier))


def find(settings: ClusterSettings, path: Path | None) -> Past:
    """The named journal, otherwise that of the last run against this cluster that changed something. Raises
    UnreadableFile."""
    connection = connect(settings)
    journal = Journal.open(path) if path else newest(connection.server)
    return Past(
        connection=connection,
        journal=_in_our_words(journal),
        earlier=tuple(map(_in_our_words, gone_on_from(journal))),
    )


def _in_our_words(journal: Journal) -> Journal:
    """What is shown of a step is made from what will be done, not read beside it: the file may have been edited."""
    records = (
        msgspec.structs.replace(record, step=with_action(record.step, record.step.action))
        if isinstance(record, Intent)
        else record
        for record in journal.records
    )
    return Journal(journal.path, records)


def take_back(past: Past, *, helm: str, progress: Progress) -> tuple[Outcome, ...]:
    """Raises PlanRefused where the journal is of another cluster, Interrupted on Ctrl-C, SIGTERM and SIGHUP."""
    with open_tools(past.connection, helm=helm) as tools:
        return undo(past.journal, tools, progress, past.earlier)
