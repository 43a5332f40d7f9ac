"""`posit-audit undo`: take back what an earlier fix did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options


def undo(
    journal: Annotated[
        Path | None,
        typer.Argument(
            metavar="[JOURNAL]",
            help="Default: that of the last run against this cluster that changed something.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.")] = False,
    helm: options.HelmBinary = None,
    output: options.Output = "text",
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    impersonate: options.As = None,
    impersonate_groups: options.AsGroups = None,
    impersonate_uid: options.AsUid = None,
    request_timeout: options.RequestTimeout = 30.0,
) -> None:
    """Take back what a journal says was done, the last step first.

    A run that went on from one that was cut off or failed is taken back with that. What somebody else changed since is
    left as it is. Ends with 0 where all was taken back, 1 where something was not, 130 where it was interrupted.
    """
    from auditor.cli.fix import agree
    from auditor.cli.printing import print_result
    from auditor.cli.progress import shown
    from auditor.model.outcome import State
    from auditor.pipeline import undo as pipeline
    from auditor.report.plan_text import outcomes_json, outcomes_text, undo_text

    settings = options.cluster_settings(
        kubeconfig, context, impersonate, impersonate_groups, impersonate_uid, request_timeout
    )
    past = pipeline.find(settings, journal)
    steps, header = past.steps, past.journal.header
    journals = [each.path for each in (past.journal, *past.earlier)]
    shown_first = undo_text(journals, header.context, header.server, steps)
    if output == "text":
        print_result(shown_first)
    if steps:
        agree(yes, "" if output == "text" else shown_first)
    with shown() as progress:
        outcomes = pipeline.take_back(past, helm=helm or "", progress=progress)
    if output == "json":
        print_result(json.dumps(outcomes_json(outcomes), indent=2))
    elif outcomes:
        print_result(outcomes_text(outcomes))
    raise typer.Exit(0 if all(o.state in (State.DONE, State.ALREADY) for o in outcomes) else 1)
