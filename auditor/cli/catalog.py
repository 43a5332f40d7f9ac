"""`posit-audit catalog`: rows for a catalog file of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Rows for a catalog file of your own. See docs/catalog.md.")


@app.callback()
def _catalog() -> None:
    """Makes `digest` a command of its own: typer runs a single command without its name."""


@app.command()
def digest(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Chart archives, or chart folders.", show_default=False),
    ],
) -> None:
    """Print the rows by which --catalog makes charts known: their names, versions and SHA-256.

    Run it on charts that you have checked, and keep what it prints in a file that only you can write. Works offline.
    Exits with code 1 if one of them is not a chart of rstudio-connect or rstudio-pm.
    """
    from auditor.cli.printing import print_result
    from auditor.pipeline.digests import rows

    print_result(rows(files))
