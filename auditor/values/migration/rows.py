"""The mapping from the Launcher's values to the direct runner's, as data: `rows.json`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from auditor.catalog.versions import within
from auditor.model.product import Product

Transform = Literal[
    "switch",
    "move",
    "append",
    "drop",
    "drop-if-colon",
    "keep",
    "decide",
    "decide-if-false",
    "runtime-images",
    "profiles",
]
When = Literal["runner", "local", "direct", "always"]


class MappingRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of one key and all below it.

    to: its new place; ``[connect-content]`` is the list's item of that name, made where there is none.
    without: keys below that are dropped, for `without_message`. identity: what tells the items of a list apart.
    reserved: items with this identity can't move (conflict) or are dropped (`drop_reserved`), for `reserved_message`.
    freed_by: for a reserved one the key that, where it is set, reserves another one instead.
    under: a map that goes to the same place and wins, field by field. keep_empty: an empty value moves too.
    false_is_empty: false was the chart's own way to say nothing here.
    templates: in effect only while the Launcher uses templates. account: the value names an account that content uses.
    when: content leaves the Launcher (runner) or does not (local); the direct runner is on afterwards (direct); always.
    since, until: the target chart versions, [since, until), for which the row applies.
    """

    id: str
    key: str
    transform: Transform
    source: str
    to: str = ""
    message: str = ""
    without: tuple[str, ...] = ()
    without_message: str = ""
    identity: str = ""
    reserved: tuple[str, ...] = ()
    reserved_message: str = ""
    freed_by: dict[str, str] = {}
    drop_reserved: bool = False
    under: str = ""
    keep_empty: bool = False
    false_is_empty: bool = False
    templates: bool = False
    account: bool = False
    when: When = "runner"
    chart: Product = Product.CONNECT
    since: str | None = None
    until: str | None = None

    def applies(self, chart: Product, to_version: str, *, runner: bool, direct: bool) -> bool:
        holds = {"runner": runner, "local": not runner, "direct": direct, "always": True}[self.when]
        return holds and chart == self.chart and within(to_version, self.since, self.until)


@cache
def mapping_rows() -> tuple[MappingRow, ...]:
    """In the order in which they apply."""
    text = files(__package__).joinpath("rows.json").read_bytes()
    return msgspec.json.decode(text, type=tuple[MappingRow, ...])
