"""`posit-audit explain RULE`: what a rule looks at and why it matters."""

from __future__ import annotations

from typing import Annotated

import typer


def _known_rules() -> list[str]:
    from auditor.rules import discover

    return [loaded.id for loaded in discover()]


def explain(
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="As in a report.", autocompletion=_known_rules, show_default=False)
    ],
) -> None:
    """Say what a rule looks at, why it matters, what to do, and where that is written."""
    from auditor.cli.printing import print_result
    from auditor.pipeline.scan import choose
    from auditor.report import explain as page

    (loaded,) = choose((rule,))
    print_result(lambda color, width: page.explain(loaded.id, loaded.rule, loaded.notes, color=color, width=width))
