"""`posit-audit preflight`: what the present identity may do."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from auditor.cli import options


def preflight(
    purpose: Annotated[
        Literal["scan", "fix", "upgrade"],
        typer.Option("--for", help="What to run: scan, fix, or fix --to (upgrade).", rich_help_panel=options.CHOICE),
    ] = "scan",
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NS",
            help="Ask about this namespace; repeatable. Default: all.",
            rich_help_panel=options.CHOICE,
            callback=options.namespaces_named,
        ),
    ] = None,
    output: options.Output = "text",
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    impersonate: options.As = None,
    impersonate_groups: options.AsGroups = None,
    impersonate_uid: options.AsUid = None,
    request_timeout: options.RequestTimeout = 30.0,
) -> None:
    """Ask the API server what the present identity may do, and say which checks would be unknown without what.

    Changes nothing. Ends with 0 where all is allowed, 2 where something is missing, 1 where it could not be asked.
    """
    from auditor.cli.printing import print_result
    from auditor.pipeline import preflight as pipeline
    from auditor.report import preflight as report

    settings = options.cluster_settings(
        kubeconfig, context, impersonate, impersonate_groups, impersonate_uid, request_timeout
    )
    result = pipeline.preflight(settings, purpose, tuple(namespaces or ()))
    if output == "json":
        print_result(report.render(result))
    else:
        print_result(lambda color, width: report.text(result, color=color, width=width))
    raise typer.Exit(2 if result.missing else 0)
