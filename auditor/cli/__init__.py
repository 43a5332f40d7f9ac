"""The command line: one file per command; flags in, exit code out.

Only typer is imported here. What a command needs is imported when it runs, so that `--help` and completion stay quick.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from auditor.cli import catalog, explain, fix, lint, migrate, preflight, rules, scan, undo

app = typer.Typer(
    name="posit-audit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Finds what an upgrade of Posit Connect or Posit Package Manager on Kubernetes trips over, says why with "
    "evidence, plans the repair and, where asked to, makes it, proves it and can undo it.",
    epilog="Exit codes: 0 all is well or done, 2 findings or changes are left, 1 the work could not be done or failed, "
    "130 interrupted.",
)


def _version(asked: bool) -> None:
    if asked:
        from auditor import __version__

        typer.echo(f"posit-audit {__version__}")
        raise typer.Exit


@app.callback()
def configure(
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say what is being done; -vv shows each request.")
    ] = 0,
    log_format: Annotated[Literal["text", "json"], typer.Option(help="Of the log lines on stderr.")] = "text",
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    from auditor.logs import configure

    configure(verbose, log_format)


app.command()(scan.scan)
app.command()(fix.fix)
app.command()(undo.undo)
app.command()(lint.lint)
app.command()(migrate.migrate)
app.command()(explain.explain)
app.command()(rules.rules)
app.command()(preflight.preflight)
app.add_typer(catalog.app, name="catalog")
