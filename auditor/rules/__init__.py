"""What can be wrong with a release: one module per fault, discovered and never listed.

A module declares `RULE: Rule` and `check(release) -> Iterator[Judgement]`. Its name, with dashes, is the rule's id, the
heading of its section in docs/rules.md and the name of its test. A check is pure and never acts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules

import msgspec

from auditor.model.finding import Finding, Judgement, Rule, passed, unknown
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import ReleaseState, Snapshot


class LoadedRule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    rule: Rule
    check: Callable[[ReleaseState], Iterator[Judgement]]
    notes: str = ""
    """The module's docstring: what is worth knowing beside what the rule declares. Paragraphs, and lists with "- "."""


def discover() -> tuple[LoadedRule, ...]:
    """Every rule, by id."""
    names = sorted(module.name for module in iter_modules(__path__))
    modules = ((name, import_module(f"{__name__}.{name}")) for name in names)
    return tuple(
        LoadedRule(id=name.replace("_", "-"), rule=m.RULE, check=m.check, notes=inspect.getdoc(m) or "")
        for name, m in modules
    )


def judge(snapshot: Snapshot, rules: Iterable[LoadedRule]) -> tuple[Finding, ...]:
    """At least one finding for each release and each rule of its product: silence is never an answer. Rules about
    upgrades are asked only where one was asked for."""
    ordered = sorted(rules, key=lambda loaded: loaded.id)
    return tuple(
        _finding(loaded, release, judgement)
        for release in sorted(snapshot.releases, key=lambda release: (release.ref, release.product))
        for loaded in ordered
        if release.product in loaded.rule.products and (release.target or not loaded.rule.upgrade)
        for judgement in _judgements(loaded, release)
    )


def _judgements(loaded: LoadedRule, release: ReleaseState) -> Iterator[Judgement]:
    hidden = _hidden(loaded.rule, release)
    if hidden is not None:
        yield unknown(release.object, hidden.reason, hidden.how)
        return
    silent = True
    try:
        for judgement in loaded.check(release):
            silent = False
            yield judgement
    except NotSeenError as error:
        yield unknown(release.object, error.unseen.reason, error.unseen.how)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        yield _stumbled(loaded, release, error)
    else:
        if silent:
            yield passed(release.object, f"Looked for and not found: {loaded.rule.title}.")


def _hidden(rule: Rule, release: ReleaseState) -> Unseen | None:
    found = (getattr(release, facet.value) for facet in sorted(rule.reads))
    return next((facet for facet in found if isinstance(facet, Unseen)), None)


def _stumbled(loaded: LoadedRule, release: ReleaseState, error: Exception) -> Judgement:
    """An object of an unexpected shape. Only the exception's type is told: its text may hold a value."""
    return unknown(
        release.object,
        f"Rule {loaded.id} met an object that it can't read ({type(error).__name__}).",
        "Please report this with the objects' shapes, without their values.",
    )


def _finding(loaded: LoadedRule, release: ReleaseState, judgement: Judgement) -> Finding:
    return Finding(
        rule=loaded.id,
        result=judgement.result,
        severity=loaded.rule.severity,
        release=release.ref,
        object=judgement.object,
        message=judgement.message,
        evidence=judgement.evidence,
        fix=judgement.fix,
        how=judgement.how,
    )
