"""The nouns of the catalog: what is known about the two charts and about storage drivers.

Rows are data (`auditor/catalog/data/`); the room `auditor.catalog` loads them. Every row names its source, a public
page or file.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from auditor.model.product import Product

Effect = Literal["fails", "changes", "ignored"]
Remedy = Literal["kept", "renamed", "moved", "removed", "set", "needs-decision", "none"]
Kind = Literal["absent", "null", "bool", "number", "string", "list", "map"]
Detect = Literal["values", "live"]
Ownership = Literal["chown-ok", "chown-pointless", "needs-probe", "unsuitable"]
FsGroup = Literal["applied", "not-applied", "rwo-only", "delegated", "driver-policy"]


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every row of a catalog file is: closed, so that a misspelled field is an error with its place."""


class Release(Row, frozen=True, kw_only=True):
    """One released chart version. `app_version` is the product version that it runs by default."""

    version: str
    app_version: str
    date: str
    library: str


class Archive(Row, frozen=True, kw_only=True):
    """A chart that is what its name and version say: the SHA-256 of a released archive, or of a folder
    (helm/digests.py). A version may have several: the released one, and a copy that was packed again."""

    version: str
    sha256: str


class Hook(Row, frozen=True, kw_only=True):
    """A hook of the chart's own, by its template. It is never run; `why` says what does its work."""

    chart: Product
    template: str
    why: str
    source: str


class Lookup(Row, frozen=True, kw_only=True):
    """The chart's own templates read the cluster while `when` holds: rendered without one, they give something else."""

    chart: Product
    since: str | None = None
    until: str | None = None
    when: Condition
    reads: str
    source: str


class DefaultStep(Row, frozen=True, kw_only=True):
    """From chart version `since` on the key has this default, or (`absent`) is not in the chart's values."""

    since: str
    default: Any = None
    absent: bool = False


class KeyHistory(Row, frozen=True, kw_only=True):
    r"""The defaults of one leaf key over time. ``{}`` as default means that anything may stand below."""

    key: str
    steps: tuple[DefaultStep, ...]


class Condition(Row, frozen=True, kw_only=True, rename={"not_": "not", "is_": "is", "set_": "set"}):
    """One question about values; exactly one field is given (checked when the catalog is loaded).

    Keys are dotted; ``*`` stands for every key of a map and every item of a list, and one that holds is enough.
    `set_`, `null` and `user` look at what the user wrote; the others at what the chart's templates see.
    """

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = None
    always: bool | None = None
    set_: str | None = None
    null: str | None = None
    present: str | None = None
    truthy: str | None = None
    equals: tuple[str, Any] | None = None
    user_equals: tuple[str, Any] | None = None
    is_: tuple[str, str] | None = None
    matches: tuple[str, str] | None = None
    before: Condition | None = None
    from_version: str | None = None
    to_version: str | None = None
    reuse_values: bool | None = None
    predicate: str | None = None


class Change(Row, frozen=True, kw_only=True):
    """One change between chart versions that can break or alter an existing install.

    It applies to an upgrade that crosses `version` and, where the state was later undone, ends before `until`.
    `keys` share a cause and a message. A row about a default speaks where the default still differs between the two
    ends of an upgrade. `detect` is ``live`` where values alone cannot show it.
    """

    id: str
    chart: Product
    version: str
    until: str | None = None
    keys: tuple[str, ...]
    was: str
    became: str
    about: Literal["default", "behaviour"] = "behaviour"
    when: Condition
    effect: Effect
    breaking: bool = False
    message: str
    remedy: Remedy
    remedy_text: str
    to_key: str | None = None
    mechanical: bool = False
    detect: Detect = "values"
    source: str


class FailCondition(Row, frozen=True, kw_only=True):
    """Values for which rendering a chart version in ``[since, until)`` stops with an error."""

    id: str
    chart: Product
    since: str
    until: str | None = None
    key: str
    when: Condition
    message: str
    remedy: Remedy
    remedy_text: str
    to_key: str | None = None
    mechanical: bool = False
    template: str
    source: str


class Hazard(Row, frozen=True, kw_only=True):
    """Values that render and don't do what they seem to, at chart versions in ``[since, until)``.

    `value` names a test (`auditor.catalog.value_tests.VALUE_TESTS`) that each place of `keys` must pass to be found.
    `asked_on_switch`: a migration of the values to the direct runner leaves it to a person.
    """

    id: str
    chart: Product | None = None
    since: str | None = None
    until: str | None = None
    keys: tuple[str, ...]
    when: Condition
    value: str | None = None
    effect: Effect
    message: str
    remedy: Remedy
    remedy_text: str
    to_key: str | None = None
    mechanical: bool = False
    quote: Literal["quote", "gcfg-quote"] | None = None
    asked_on_switch: bool = False
    detect: Detect = "values"
    source: str


class Shape(Row, frozen=True, kw_only=True):
    """Which kinds of value the templates of a chart can digest at `keys`; another kind stops rendering.

    `kinds` is over absent, null, bool, number, string, list and map, as the templates see it: a null over a default
    is absent. Keys may hold ``*``. Looked at only while `when` holds, at chart versions in ``[since, until)``.
    """

    chart: Product
    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    since: str | None = None
    until: str | None = None
    when: Condition | None = None
    source: str


class Surface(Row, frozen=True, kw_only=True, rename={"is_": "is"}):
    """A key that the templates read although the chart's values don't show it.

    ``open``: a map with defaults in which anything else may stand, too. ``read``: a key without a default.
    """

    chart: Product
    key: str
    is_: Literal["open", "read"]
    since: str | None = None
    until: str | None = None
    source: str


class StorageRow(Row, frozen=True, kw_only=True):
    """How volumes of one driver treat a change of ownership, and how to recognise them in a PersistentVolume.

    A volume matches when every given field matches. `attributes` maps a key of ``volumeAttributes`` to a regular
    expression that its value must match in full; ``""`` also stands for an absent attribute. With `identity_replaced`
    the storage does everything as a user of its own, so that no process minds whose the files are.
    """

    id: str
    title: str
    drivers: tuple[str, ...] = ()
    driver_suffixes: tuple[str, ...] = ()
    in_tree: tuple[str, ...] = ()
    handle: str | None = None
    attributes: dict[str, str] = {}
    access_modes: tuple[str, ...] = ()
    provisioned_by: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()
    read_only: bool = False
    identity_replaced: bool = False
    ownership: Ownership
    fs_group: FsGroup
    fs_group_rwo: FsGroup | None = None
    why: str
    instead: str
    unconfirmed: str = ""
    source: str
