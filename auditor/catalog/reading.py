"""From files to the catalog. The product's own rows are JSON, one row per line; a user's file is YAML or JSON."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from auditor.catalog.catalog import Catalog, Chart
from auditor.catalog.checking import problems
from auditor.errors import UnreadableFile
from auditor.model.catalog import (
    Archive,
    Change,
    FailCondition,
    Hazard,
    Hook,
    KeyHistory,
    Lookup,
    Release,
    Row,
    Shape,
    StorageRow,
    Surface,
)
from auditor.model.product import Product

_DATA = resources.files("auditor.catalog") / "data"
_PLACE = re.compile(r"\$\.(?P<table>[a-z]+)(?:\[\.\.\.\])?(?:\[(?P<row>\d+)\])?\.?(?P<field>\S*)")

T = TypeVar("T")


class Tables(Row, frozen=True, kw_only=True):
    """What a catalog file may hold."""

    releases: dict[Product, tuple[Release, ...]] = msgspec.field(default_factory=dict)
    archives: dict[Product, tuple[Archive, ...]] = msgspec.field(default_factory=dict)
    defaults: dict[Product, tuple[KeyHistory, ...]] = msgspec.field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    fails: tuple[FailCondition, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    shapes: tuple[Shape, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    hooks: tuple[Hook, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    storage: tuple[StorageRow, ...] = ()


def load(extra: Sequence[Path] = ()) -> Catalog:
    """The product's catalog with the rows of `extra` files added. A row of theirs replaces one of the same id or key.

    UnreadableFile: a file is not there, not YAML, or a row is not one of ours; the message names row and field.
    """
    if not extra:
        return _own()
    tables, digest = own_tables(), hashlib.sha256()
    for path in extra:
        added = read_tables(path)
        digest.update(msgspec.json.encode(added))
        tables = _merge(added, tables)
    return build(tables, added=digest.hexdigest())


def build(tables: Tables, *, added: str = "") -> Catalog:
    return Catalog(
        (
            Chart(
                name,
                releases=tables.releases.get(name, ()),
                archives=tables.archives.get(name, ()),
                defaults=tables.defaults.get(name, ()),
                changes=(row for row in tables.changes if row.chart == name),
                fails=(row for row in tables.fails if row.chart == name),
                hazards=(row for row in tables.hazards if row.chart in (name, None)),
                shapes=(row for row in tables.shapes if row.chart == name),
                surfaces=(row for row in tables.surfaces if row.chart == name),
                hooks=(row for row in tables.hooks if row.chart == name),
                lookups=(row for row in tables.lookups if row.chart == name),
            )
            for name in Product
        ),
        tables.storage,
        added=added,
    )


def read_tables(path: Path) -> Tables:
    """A user's catalog file."""
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        tables = msgspec.convert(raw if raw is not None else {}, Tables)
    except OSError as error:
        raise UnreadableFile(f"The catalog file {path} can't be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UnreadableFile(f"The catalog file {path} is not YAML{where}.") from None
    except msgspec.ValidationError as error:
        raise UnreadableFile(
            f"The catalog file {path} has {_sentence(str(error))}", hint="See docs/catalog.md for its fields."
        ) from None
    mistakes = check(tables)
    if mistakes:
        raise UnreadableFile(f"The catalog file {path} has a mistake in {mistakes[0]}.", hint="See docs/catalog.md.")
    return tables


def check(tables: Tables) -> list[str]:
    """Every mistake of sense in the rows, as sentences; the types are checked while reading."""
    per_chart = ("releases", "archives", "defaults")
    return [
        problem
        for name in Tables.__struct_fields__
        for rows in (getattr(tables, name).values() if name in per_chart else [getattr(tables, name)])
        for problem in problems(name, rows)
    ]


@cache
def _own() -> Catalog:
    return build(own_tables())


def own_tables() -> Tables:
    return Tables(
        **{
            field.name: msgspec.json.decode((_DATA / f"{field.name}.json").read_bytes(), type=field.type)
            for field in msgspec.structs.fields(Tables)
        }
    )


def _merge(added: Tables, base: Tables) -> Tables:
    def by(rows: tuple[T, ...], more: tuple[T, ...], key: str) -> tuple[T, ...]:
        replaced = {getattr(row, key) for row in more}
        return (*more, *(row for row in rows if getattr(row, key) not in replaced))

    def per_chart(
        rows: dict[Product, tuple[T, ...]], more: dict[Product, tuple[T, ...]], key: str
    ) -> dict[Product, tuple[T, ...]]:
        return {name: by(rows.get(name, ()), more.get(name, ()), key) for name in {**rows, **more}}

    return Tables(
        releases=per_chart(base.releases, added.releases, "version"),
        archives=per_chart(base.archives, added.archives, "sha256"),
        defaults=per_chart(base.defaults, added.defaults, "key"),
        changes=by(base.changes, added.changes, "id"),
        fails=by(base.fails, added.fails, "id"),
        hazards=by(base.hazards, added.hazards, "id"),
        shapes=(*added.shapes, *base.shapes),
        surfaces=(*added.surfaces, *base.surfaces),
        hooks=(*added.hooks, *base.hooks),
        lookups=(*added.lookups, *base.lookups),
        storage=by(base.storage, added.storage, "id"),
    )


def _sentence(problem: str) -> str:
    """``Expected `str`, got `int` - at `$.storage[1].id` `` as ``row 2 of storage, field id: expected ...``."""
    text, _, place = problem.rpartition(" - at ")
    match = _PLACE.fullmatch(place.strip("`")) if text else None
    if match is None:
        return f"a mistake: {problem}."
    where = match["table"] if match["row"] is None else f"row {int(match['row']) + 1} of {match['table']}"
    field = f", field {match['field']}" if match["field"] else ""
    return f"a mistake in {where}{field}: {text[0].lower()}{text[1:]}."
