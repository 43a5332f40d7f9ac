"""`posit-audit rules`: all of them, a line each."""

from __future__ import annotations

from auditor.cli import options


def rules(output: options.Output = "text") -> None:
    """List every rule with its severity, the products it is about, and its fault."""
    from auditor.cli.printing import print_result
    from auditor.report import explain as page
    from auditor.rules import discover

    listed = [(loaded.id, loaded.rule) for loaded in discover()]
    if output == "json":
        print_result(page.listing_json(listed))
    else:
        print_result(lambda color, _: page.listing(listed, color=color))
