"""The command that does the rest of what was asked for: the same options, and more to skip."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from auditor.errors import PlanRefused, StepsRefused

if TYPE_CHECKING:
    from auditor.model.plan import Step

_WITHHELD = "SOURCE"


def with_command(refused: StepsRefused, steps: Sequence[Step], context: typer.Context) -> PlanRefused:
    """The refusal with the command that applies the rest of the plan, if there is a rest. `steps`: the whole plan's."""
    from auditor.pipeline.prepare import with_dependents

    skipped = with_dependents(steps, refused.steps)
    if len(skipped) == len(steps):
        return refused
    source = f" ({_WITHHELD}: your --chart, which is not printed)" if _withholds(context) else ""
    return PlanRefused(f"{refused}\nThe rest can be applied{source} with:\n  {without(context, skipped)}")


def without(context: typer.Context, steps: Iterable[str]) -> str:
    """As it is typed into a shell. An address with a user, a password or a query is not printed: it can hold a
    secret."""
    words = [word for parameter in context.command.params for word in _given(context, parameter)]
    skipped = [word for step in steps for word in ("--skip", step)]
    return shlex.join(["posit-audit", context.command.name or "", *words, *skipped])


def _withholds(context: typer.Context) -> bool:
    return any(_is_secret(str(source)) for source in context.params.get("charts") or ())


def _given(context: typer.Context, parameter: Any) -> Iterator[str]:
    """What stood on the command line; what an environment variable says it says again."""
    source = context.get_parameter_source(parameter.name)
    if source is None or source.name != "COMMANDLINE":
        return
    value = context.params[parameter.name]
    option = next((name for name in parameter.opts if name.startswith("--")), parameter.opts[0])
    for one in value if isinstance(value, list | tuple) else (value,):
        if one is True:
            yield option
        elif one is not False and one is not None:
            yield from (option, _WITHHELD if _is_secret(str(one)) else str(one))


def _is_secret(text: str) -> bool:
    from auditor.names.address import address

    return "://" in text and address(text) != text
