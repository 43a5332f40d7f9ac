"""What a scan and a fix need of the API server, gathered from what inventory, rules and actions declare, and who needs
it. The roles in manifests/ are written from this, and `preflight` asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditor.apply.actions import PERFORMERS
from auditor.inventory import DISCOVERY_ACCESS, FACET_ACCESS
from auditor.inventory.own_pod import OWN_POD_ACCESS
from auditor.model.action import Action, ScaleWorkload, UpgradeRelease
from auditor.model.kubernetes import Access
from auditor.model.preflight import Need
from auditor.model.snapshot import Facet
from auditor.rules import LoadedRule, discover

SEARCH = "the search for releases"
OWN_POD = "the agent's own image"
_UPGRADING: frozenset[type[Action]] = frozenset({ScaleWorkload, UpgradeRelease})


def for_scan() -> tuple[Need, ...]:
    return _gathered(((access, SEARCH) for access in DISCOVERY_ACCESS), discover())


def for_fix() -> tuple[Need, ...]:
    """What a scan needs, since a fix looks before and after, and what each kind of action does that mends a fault."""
    return _with_actions(set(PERFORMERS) - _UPGRADING)


def for_upgrade() -> tuple[Need, ...]:
    """What `fix --to` needs beside."""
    return _with_actions(set(PERFORMERS))


def _with_actions(actions: Iterable[type[Action]]) -> tuple[Need, ...]:
    users = [(access, str(action.__struct_config__.tag)) for action in actions for access in PERFORMERS[action].ACCESS]
    search = [(access, SEARCH) for access in DISCOVERY_ACCESS]
    return _gathered((*search, (OWN_POD_ACCESS, OWN_POD), *users), discover())


def _gathered(users: Iterable[tuple[Access, str]], rules: Iterable[LoadedRule]) -> tuple[Need, ...]:
    blinds: dict[tuple[Access, str], set[str]] = {}
    sharpens: dict[tuple[Access, str], set[str]] = {}
    used: dict[tuple[Access, str], set[str]] = {}
    for access, user in users:
        for key in _keys(access):
            used.setdefault(key, set()).add(user)
    for loaded in rules:
        for key in _of(loaded.rule.reads):
            blinds.setdefault(key, set()).add(loaded.id)
        for key in _of(loaded.rule.wants):
            sharpens.setdefault(key, set()).add(loaded.id)
    return tuple(
        Need(
            access=key[0],
            verb=key[1],
            blinds=tuple(sorted(blinds.get(key, ()))),
            sharpens=tuple(sorted(sharpens.get(key, set()) - blinds.get(key, set()))),
            users=tuple(sorted(used.get(key, ()))),
        )
        for key in sorted({*blinds, *sharpens, *used}, key=_order)
    )


def _of(facets: Iterable[Facet]) -> Iterator[tuple[Access, str]]:
    for facet in facets:
        for access in FACET_ACCESS[facet]:
            yield from _keys(access)


def _keys(access: Access) -> Iterator[tuple[Access, str]]:
    """One per verb; the access without its verbs stands for the resource."""
    for verb in access.verbs:
        yield Access(access.resource, (), access.subresource), verb


def _order(key: tuple[Access, str]) -> tuple[str, ...]:
    access, verb = key
    return (access.resource.group, access.resource.plural, access.subresource, verb)
