"""`posit-audit scan`: look, and tell."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from auditor.cli import options


def scan(
    namespaces: options.Namespaces = None,
    all_namespaces: options.AllNamespaces = False,
    probe: options.Probe = "auto",
    rules: options.OnlyRules = None,
    to: options.Targets = None,
    catalogs: options.UpgradeCatalogs = None,
    charts: options.UpgradeCharts = None,
    helm: options.HelmBinary = None,
    output: options.Output = "text",
    fail_on: Annotated[
        Literal["error", "warning", "info"],
        typer.Option("--fail-on", help="Least severity that ends with 2.", rich_help_panel=options.RESULT),
    ] = "error",
    fail_on_unknown: Annotated[
        bool,
        typer.Option(
            "--fail-on-unknown", help="End with 2 where something could not be told.", rich_help_panel=options.RESULT
        ),
    ] = False,
    show_passed: Annotated[
        bool, typer.Option("--show-passed", help="List what passed too.", rich_help_panel=options.RESULT)
    ] = False,
    exit_zero: options.ExitZero = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    impersonate: options.As = None,
    impersonate_groups: options.AsGroups = None,
    impersonate_uid: options.AsUid = None,
    request_timeout: options.RequestTimeout = 30.0,
) -> None:
    """Say of every Connect and Package Manager release what is wrong, why, and what could not be seen.

    With --to also what an upgrade would do. Never changes anything; only --probe job creates something, a Job that is
    deleted when it has looked. Ends with 0 where nothing is at or above --fail-on, 2 with findings, 1 where it could
    not do its work.
    """
    from auditor.cli.printing import print_result, say_unseen
    from auditor.model.finding import Severity
    from auditor.model.scope import ProbeMode
    from auditor.pipeline import scan as pipeline
    from auditor.report import json, text

    settings = options.cluster_settings(
        kubeconfig, context, impersonate, impersonate_groups, impersonate_uid, request_timeout
    )
    request = pipeline.ScanRequest(
        namespaces=options.scope(namespaces, all_namespaces),
        all_namespaces=all_namespaces,
        probe=ProbeMode(probe),
        rules=tuple(rules or ()),
        to=tuple(to or ()),
        catalogs=tuple(catalogs or ()),
        charts=tuple(charts or ()),
        helm=helm or "",
    )
    sights = None
    if request.probe is ProbeMode.JOB:
        from auditor.cli.printing import say
        from auditor.pipeline.probe import look_by_jobs

        sights = look_by_jobs(settings, request, say)
    result = pipeline.scan(settings, request, sights)
    if output == "json":
        print_result(json.render(result.snapshot, result.findings))
    else:
        print_result(
            lambda color, width: text.render(
                result.snapshot, result.findings, verbose=show_passed, color=color, width=width
            )
        )
    if result.saw_nothing:
        say_unseen(result.snapshot.blind)
        raise typer.Exit(1)
    found = result.failed_at(Severity(fail_on)) or (fail_on_unknown and result.has_unknown)
    raise typer.Exit(2 if found and not exit_zero else 0)
