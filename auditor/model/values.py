"""What is said about a values document: what an upgrade makes of it, key by key."""

from __future__ import annotations

from typing import Literal

import msgspec

from auditor.model.catalog import Effect, Remedy
from auditor.model.keypath import KeyPath
from auditor.model.product import Product


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the values file that needs nobody's decision.

    ``delete``; ``move`` with `to`; ``quote``: a number becomes a string of the same digits; ``gcfg-quote``: a string
    is put into double quotes of its own, which gcfg takes off again. `test` is the value test that found the merged
    value: of several files, only those whose own value it finds too need the change.
    """

    kind: Literal["delete", "move", "quote", "gcfg-quote"]
    path: KeyPath
    to: KeyPath | None = None
    test: str = ""


class ValueFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one key. Values themselves never stand here: they may be secrets.

    effect: ``fails``: rendering stops; ``changes``: something else will run; ``ignored``: no effect at all.
    key: dotted; file, line and column (from 1) where the user wrote it, or None where the user didn't.
    rank: among findings of one effect, higher matters more.
    """

    id: str
    effect: Effect
    key: str
    message: str
    remedy: str
    remedy_kind: Remedy = "none"
    source: str = ""
    to_key: str | None = None
    mends: tuple[Mend, ...] = ()
    path: KeyPath = ()
    file: str | None = None
    line: int | None = None
    column: int | None = None
    rank: int = 0


class Lint(msgspec.Struct, frozen=True, kw_only=True):
    """All findings about one release's values, the worst first. `will_fail`: what `helm template` would do.

    notes: what could not be judged, and why.
    """

    chart: Product
    from_version: str | None
    to_version: str
    will_fail: bool
    findings: tuple[ValueFinding, ...]
    notes: tuple[str, ...] = ()
