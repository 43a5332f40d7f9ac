"""What a rule says, and what can be done about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from auditor.model.action import Action
from auditor.model.kubernetes import ObjectRef
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseRef


class Severity(StrEnum):
    ERROR = "error"
    """It fails, or will fail at the next upgrade or restart."""
    WARNING = "warning"
    """It works by luck, or costs something."""
    INFO = "info"
    """Worth knowing before an upgrade."""

    @property
    def rank(self) -> int:
        return {"error": 2, "warning": 1, "info": 0}[self.value]


class Result(StrEnum):
    FAILED = "failed"
    UNKNOWN = "unknown"
    PASSED = "passed"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was seen. `observed` and `expected` hold names, counts and shapes, never a value that may be secret."""

    object: ObjectRef
    field: str
    observed: str
    expected: str = ""


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """How it is mended. Without actions, `summary` tells a person what to do. An unsafe fix is planned only where it
    was asked for."""

    summary: str
    actions: tuple[Action, ...] = ()
    safe: bool = True
    follows: str = ""
    """The rule whose fix for the same release settles this one too, and which tells why where it can't."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict of a rule on one object; the judge adds the rule and the release and makes it a Finding."""

    result: Result
    object: ObjectRef
    message: str
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    how: str = ""
    """For unknown: how to find out."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule declares about itself; its id is its module's name with dashes."""

    title: str
    """The fault, as a clause: "Content service account lacks the label"."""
    severity: Severity
    products: frozenset[Product]
    reads: frozenset[Facet]
    """Without any of these it can't tell: where one is unseen, the finding is unknown."""
    wants: frozenset[Facet] = frozenset()
    """Read where they can be seen: they sharpen the verdict or its fix, but it stands without them."""
    why: str
    """What goes wrong if it stays, one or two sentences."""
    remedy: str
    """What to do, one or two sentences."""
    source: str
    """A public address."""
    upgrade: bool = False
    """Judges what an upgrade would do: it speaks only of releases that a chart version was asked for with `--to`."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    result: Result
    severity: Severity
    release: ReleaseRef
    object: ObjectRef
    message: str
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    how: str = ""


def failed(object_: ObjectRef, message: str, *evidence: Evidence, fix: Fix | None = None) -> Judgement:
    return Judgement(result=Result.FAILED, object=object_, message=message, evidence=evidence, fix=fix)


def unknown(object_: ObjectRef, reason: str, how: str) -> Judgement:
    return Judgement(result=Result.UNKNOWN, object=object_, message=reason, how=how)


def passed(object_: ObjectRef, message: str, *evidence: Evidence) -> Judgement:
    return Judgement(result=Result.PASSED, object=object_, message=message, evidence=evidence)
