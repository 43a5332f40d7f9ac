"""The journals that earlier runs left: the one to take back, and those that it went on from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auditor.apply.journal import Journal, journals_folder
from auditor.errors import UnreadableFile


def newest(server: str, folder: Path | None = None) -> Journal:
    """Of the last run against this API server that changed something, whether that was taken back or not; where none
    did, of the last run. Raises UnreadableFile where there is none."""
    where = folder or journals_folder()
    last = None
    for journal in _journals(where):
        if journal.header.server == server:
            if journal.changed_something:
                return journal
            last = last or journal
    if last:
        return last
    raise UnreadableFile(
        f"There is no journal of a run against {server} in {where}: nothing was applied from here.",
        hint="Choose the cluster with --context, or name a journal that lies elsewhere: posit-audit undo JOURNAL",
    )


def gone_on_from(journal: Journal) -> tuple[Journal, ...]:
    """What was cut off or failed before and this run took up, newest first: only together are they one change. One that
    can't be read is left out, as nobody can tell what it is about."""
    chain = [journal]
    for earlier in _journals(journal.path.parent, before=journal.path.name, readable=True):
        if earlier.header.server == journal.header.server and chain[-1].went_on_from(earlier):
            chain.append(earlier)
    return tuple(chain[1:])


def _journals(folder: Path, *, before: str = "", readable: bool = False) -> Iterator[Journal]:
    """Newest first: names begin with their UTC time, so they sort by it. What has no whole line is no run's: nothing is
    begun before the first one is on disk."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        if before and path.name >= before:
            continue
        try:
            if b"\n" in path.read_bytes():
                yield Journal.open(path)
        except (OSError, UnreadableFile):
            if not readable:
                raise
