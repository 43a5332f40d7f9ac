"""What holds for whatever an owner may have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.catalog import Chart, load
from auditor.model.keypath import MISSING, KeyPath, join_key, look_up, split_key
from auditor.model.migration import Note
from auditor.values import emit
from auditor.values.coalesce import merge
from auditor.values.document import Document
from auditor.values.editing import same
from auditor.values.migration import Migration, migrate
from auditor.values.migration.agreement import as_document
from tests.values.strategies import VALUES

CHART: Chart = load().chart("rstudio-connect")
FROM = st.sampled_from([None, "0.7.4", "0.8.38", "0.9.5", "0.20.13"])
slow = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def documents(values: list[dict[str, Any]]) -> list[Document]:
    texts = ["\n".join([*emit.block(value, 0), ""]) if value else "" for value in values]
    return [Document.parse(text, f"values-{index}.yaml") for index, text in enumerate(texts)]


def places(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every leaf, items of lists included; an empty map or list holds nothing that could be lost."""
    if isinstance(value, Mapping | list):
        for key, below in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from places(below, (*path, key))
    else:
        yield path, value


def lost(before: Mapping[str, Any], after: Mapping[str, Any], notes: tuple[Note, ...]) -> list[str]:
    """Leaves that are neither where they were nor named, themselves or above, by a note."""
    told = {note.key for note in notes}
    return [
        join_key(path)
        for path, value in places(before)
        if not same_at(after, path, value)
        and not any(join_key(path[:length]) in told for length in range(1, len(path) + 1))
        and value not in (None, "")
    ]


def same_at(values: Mapping[str, Any], path: KeyPath, value: Any) -> bool:
    found = look_up(values, path)
    return found is not MISSING and same(found, value)


def check(given_values: list[dict[str, Any]], from_version: str | None) -> Migration:
    before = documents(given_values)
    result = migrate(before, CHART, from_version=from_version)
    for old, new in zip(before, result.documents, strict=True):
        assert lost(old.data, new.data, result.notes) == []
        assert same(Document.parse(new.text()).data, new.data)
    return result


@slow
@given(values=VALUES, from_version=FROM)
def test_nothing_is_lost(values: dict[str, Any], from_version: str | None) -> None:
    check([values], from_version)


@slow
@given(values=st.lists(VALUES, min_size=2, max_size=3), from_version=FROM)
def test_nothing_is_lost_over_several_files(values: list[dict[str, Any]], from_version: str | None) -> None:
    check(values, from_version)


@slow
@given(values=st.lists(VALUES, min_size=1, max_size=2), from_version=FROM)
def test_a_second_migration_changes_nothing(values: list[dict[str, Any]], from_version: str | None) -> None:
    once = migrate(documents(values), CHART, from_version=from_version)
    again = migrate(once.documents, CHART, from_version=from_version)
    assert [document.text() for document in again.documents] == [document.text() for document in once.documents]


@slow
@given(values=st.lists(VALUES, min_size=2, max_size=3))
def test_several_files_come_to_what_their_merged_values_would(values: list[dict[str, Any]]) -> None:
    together = migrate(documents(values), CHART)
    alone = migrate([as_document(merge(values))], CHART)
    assert same(merge(document.data for document in together.documents), alone.documents[0].data)
    assert together.needs_decision or not alone.needs_decision


@slow
@given(values=VALUES)
def test_what_a_note_calls_moved_stands_at_its_new_place(values: dict[str, Any]) -> None:
    """The whole value where the place was free; at least something where maps or lists were merged. Or a note tells
    that the target chart wants it gone from there too."""
    result = migrate(documents([values]), CHART)
    gone = {split_key(note.key) for note in result.notes if note.kind == "dropped"}
    for note in result.notes:
        if note.kind == "moved" and note.to and "[" not in note.to:
            to = split_key(note.to)
            if any(path[: len(to)] == to for path in gone):
                continue
            assert look_up(result.documents[0].data, split_key(note.to)) is not MISSING, note


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["launcher", "config", "Launcher", "templateValues", "pod", "env", "backends", "kubernetes"]
                )
                | st.text(max_size=3),
                below,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict))
)
@settings(max_examples=40)
def test_values_of_any_shape_do_not_make_it_crash(values: dict[str, Any]) -> None:
    result = migrate([as_document(values)], CHART)
    assert lost(as_document(values).data, result.documents[0].data, result.notes) == []


ANY = [None, 7, "text", ["a"], {"a": {"b": []}}]
MORE = [True, 0, "", [], [{}], [None], {}, {"a": None}]


@pytest.mark.parametrize("value", [*ANY, *(pytest.param(value, marks=pytest.mark.matrix) for value in MORE)], ids=str)
def test_no_type_at_any_key_of_the_mapping_makes_it_crash(value: Any) -> None:
    from auditor.values.migration.rows import mapping_rows

    for row in mapping_rows():
        values: dict[str, Any] = {"launcher": {"enabled": True}}
        branch = values
        *parents, last = split_key(row.key)
        for part in parents:
            branch = branch.setdefault(part, {})
        branch[last] = value
        check([values], None)
