"""`posit-audit fix --watch`: stay with the Jobs that another run started."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from auditor.settings import ClusterSettings


def watch_jobs(
    settings: ClusterSettings, namespaces: tuple[str, ...], *, all_namespaces: bool, output: str
) -> NoReturn:
    from auditor.cli.printing import print_result
    from auditor.cli.progress import shown
    from auditor.model.outcome import State
    from auditor.pipeline.watch import watch
    from auditor.report.plan_text import outcomes_json, outcomes_text

    with shown() as progress:
        outcomes = watch(settings, namespaces, all_namespaces=all_namespaces, progress=progress)
    if output == "json":
        print_result(json.dumps(outcomes_json(outcomes), indent=2))
    else:
        print_result(outcomes_text(outcomes) if outcomes else "No ownership Job of ours is there.")
    states = {outcome.state for outcome in outcomes}
    raise typer.Exit(1 if State.FAILED in states else 2 if State.REFUSED in states else 0)
