"""Told of what content really mounts and as whom it really runs: no document says which directories of Connect's data
content has to get at."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Judgement, Rule, Severity, failed, passed, unknown
from auditor.model.ownership import ContentDirectory, entries
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions.content_data import doubt, evidence, repair

RULE = Rule(
    title="Content does not get at its own part of Connect's data",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONTENT_DATA}),
    wants=frozenset({Facet.CLAIMS, Facet.VOLUMES, Facet.WORKLOAD, Facet.PODS, Facet.POD_SECURITY}),
    why="The server runs as root and gets at everything. Content runs as a user without rights in a pod that mounts "
    "parts of the server's data: what was restored or copied as root is shut to it.",
    remedy="Give the directory to the user that the content runs as, or correct its mode bits.",
    source="https://docs.posit.co/connect/admin/process-management/",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    data = seen(release.content_data)
    if data is None:
        return
    good: list[ContentDirectory] = []
    for one in data.directories:
        if one.problem:
            yield unknown(one.claim, one.problem.reason, one.problem.how)
        elif evidence(one):
            yield failed(one.claim, _shut(one), *evidence(one), fix=repair(release, one))
        elif doubt(one):
            yield unknown(one.claim, doubt(one), "Look at it from a pod of that content: ls -lR")
        else:
            good.append(one)
    if good:
        count = sum(one.seen for one in good)
        which = "the directory" if len(good) == 1 else f"the {len(good)} directories"
        rest = f"; {data.left_out:,} of older content were not looked at" if data.left_out else ""
        yield passed(
            good[0].claim,
            f"Content gets at {which} ({entries(count)}) that it mounts from {good[0].claim}, by owners and mode"
            f" bits{rest}.",
        )
    if not data.directories:
        yield unknown(
            release.object,
            "No content that mounts Connect's data is there, so nobody tells what it has to get at and as whom.",
            "Scan while content runs.",
        )


def _shut(one: ContentDirectory) -> str:
    where = f"{one.path} on {one.claim}: it runs as {one.user}."
    if not one.unreadable:
        return f"Content can't write to the directory {where}"
    least = "" if one.exhaustive else "at least "
    return f"Content can't read {least}{one.unreadable_count:,} of {entries(one.seen)} in {where}"
