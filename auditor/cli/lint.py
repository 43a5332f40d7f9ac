"""`posit-audit lint`: what a chart upgrade makes of values files, for a pull request."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from auditor.cli import options

SEVERITY = {"fails": "error", "changes": "warning", "ignored": "info"}
RANKS = ("info", "warning", "error")


def lint(
    files: options.ValuesFiles,
    chart_name: options.ChartName = None,
    from_version: options.FromVersion = "",
    to_version: options.ToVersion = "",
    namespace: options.ReleaseNamespace = "default",
    reuse_values: Annotated[
        bool, typer.Option("--reuse-values", help="Judge a helm upgrade --reuse-values, which keeps the old defaults.")
    ] = False,
    catalogs: options.Catalogs = None,
    charts: options.Charts = None,
    helm: options.HelmBinary = None,
    output: options.Output = "text",
    fail_on: Annotated[
        Literal["error", "warning", "info"],
        typer.Option(
            "--fail-on", help="Least severity that ends with 2: fails is error, changes warning, ignored info."
        ),
    ] = "error",
    exit_zero: options.ExitZero = False,
) -> None:
    """Say what a chart upgrade will refuse, silently change or ignore in values files, all at once, with file and line.

    Works offline. Ends with 0 where nothing is at or above --fail-on, 2 with findings, 1 where the input can't be read.
    """
    from auditor.cli.printing import print_result
    from auditor.pipeline import values as pipeline
    from auditor.report import lint as report

    result = pipeline.lint_files(
        pipeline.ValuesRequest(
            files=tuple(files),
            chart_name=chart_name or "",
            from_version=from_version,
            to_version=to_version,
            namespace=namespace,
            reuse_values=reuse_values,
            catalogs=tuple(catalogs or ()),
            charts=tuple(charts or ()),
            helm=helm or "",
        )
    )
    if output == "json":
        print_result(report.render_json(result))
    else:
        print_result(lambda color, _: report.render(result, color=color))
    least = RANKS.index(fail_on)
    found = any(RANKS.index(SEVERITY[finding.effect]) >= least for finding in result.findings)
    raise typer.Exit(2 if found and not exit_zero else 0)
