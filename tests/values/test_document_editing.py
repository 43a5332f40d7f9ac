"""Edits of a values file: the values asked for, and the text of its owner everywhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.values import emit
from auditor.values.changes import Put
from auditor.values.document import Document
from auditor.values.editing import changed, edited, same
from tests.values.strategies import SCALARS


def edit(text: str, puts: list[Put] | None = None, drops: list[tuple[str | int, ...]] | None = None) -> str:
    return edited(Document.parse(text), puts or [], drops or []).text()


def test_no_change_gives_the_very_same_document() -> None:
    document = Document.parse("a:   1   # x\n\n\n")
    assert edited(document, [Put(("a",), 1)]) is document


def test_a_scalar_is_replaced_in_its_place() -> None:
    assert edit("a:\n  b:   old   # why\n  c: 1\n", [Put(("a", "b"), False)]) == "a:\n  b:   false   # why\n  c: 1\n"
    assert edit("a: {b: 1, c: 2} # flow\n", [Put(("a", "b"), 3)]) == "a: {b: 3, c: 2} # flow\n"
    assert edit("a:\nb: 1\n", [Put(("a",), 2)]) == "a: 2\nb: 1\n"


def test_a_dropped_key_takes_its_own_comment_along_and_leaves_others() -> None:
    text = "a:\n  # about b\n  b: 1 # b\n\n  # about c\n  c: 2\n"
    assert edit(text, drops=[("a", "b")]) == "a:\n\n  # about c\n  c: 2\n"


def test_parents_that_become_empty_go_too_and_their_comments_stay() -> None:
    text = "x: 1\na:\n  # general\n\n  b:\n    c: 1\n    # later: 2\nz: 1\n"
    assert edit(text, drops=[("a", "b", "c")]) == "x: 1\n  # general\n    # later: 2\nz: 1\n"


def test_the_comment_beside_the_heading_of_a_part_that_became_empty_stays_on_a_line_of_its_own() -> None:
    text = "x: 1\na: # all\n  'b': &b  # some\n    c: '#' # one\nz: 1\n"
    assert edit(text, drops=[("a", "b", "c")]) == "x: 1\n# all\n  # some\nz: 1\n"
    assert edit("x: 1\r\na: # all\r\n  c: 1\r\n", drops=[("a", "c")]) == "x: 1\r\n# all\r\n"


def test_of_a_list_that_goes_in_parts_the_comments_between_the_parts_stay() -> None:
    text = "a:\n  # why\n  - key: 'b: # no comment'\n    value: # in\n      c: 1\nd: 2\n"
    puts = [Put(("e",), source=("a", 0, "value"))]
    assert edit(text, puts, [("a",)]) == "  # why\ne: # in\n  c: 1\nd: 2\n"


def test_the_comment_at_the_head_of_a_file_is_the_files() -> None:
    assert edit("# ours\na: 1\nb: 2\n", drops=[("a",)]) == "# ours\nb: 2\n"


def test_a_moved_block_keeps_comments_quotes_and_order_and_is_indented_anew() -> None:
    head = "d:\n  e: 2\n"
    block = "    # head\n    b: # in\n    - x: 'y'   # quoted\n      z: |\n        one\n          two\n"
    moved = "    # head\n    g: # in\n    - x: 'y'   # quoted\n      z: |\n        one\n          two\n"
    puts = [Put(("d", "f", "g"), source=("a", "b"))]
    assert edit(f"{head}a:\n{block}\n    c: 1\n", puts, [("a", "b")]) == f"{head}  f:\n{moved}a:\n\n    c: 1\n"


def test_a_moved_key_stands_beside_the_place_that_it_left() -> None:
    text = "one:\n  a: 1\n  b: 2\n  # tail\n\ntwo: 2\n"
    assert edit(text, [Put(("new", "a"), source=("one", "a"))], [("one", "a")]) == (
        "one:\n  b: 2\n  # tail\n\nnew:\n  a: 1\n\ntwo: 2\n"
    )


def test_items_of_a_list_are_appended_with_their_comments() -> None:
    text = "from:\n# first\n- name: a # x\nto:\n  - name: b\n"
    assert (
        edit(text, [Put(("to", 1), source=("from", 0))], [("from",)])
        == "to:\n  - name: b\n  # first\n  - name: a # x\n"
    )


def test_line_endings_stay_what_they_are() -> None:
    assert edit("a: 1\r\nb:\r\n  c: 2\r\n", [Put(("b", "d"), "x")]) == "a: 1\r\nb:\r\n  c: 2\r\n  d: x\r\n"


def test_a_file_without_a_last_line_break_can_grow() -> None:
    assert edit("a: 1", [Put(("b", "c"), 2)]) == "a: 1\nb:\n  c: 2\n"


def test_an_anchor_that_leaves_its_users_behind_is_written_out() -> None:
    text = "a:\n  b: &x [1]\nc: *x\nd: 1 # stays\n"
    result = edited(Document.parse(text), drops=[("a",)])
    assert result.data == {"c": [1], "d": 1}
    assert "d: 1 # stays" in result.text()


def test_an_alias_is_written_out_where_one_of_its_users_changes() -> None:
    result = edited(Document.parse("a: &x\n  b: 1\nc: *x # c\n"), [Put(("c", "b"), 2)])
    assert result.data == {"a": {"b": 1}, "c": {"b": 2}}
    assert result.text().startswith("a: &x\n  b: 1\n")


def test_a_merged_map_is_written_out_where_it_changes() -> None:
    result = edited(Document.parse("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  c: 3\n"), [Put(("z", "a"), 5)])
    assert result.data == {"x": {"a": 1, "b": 2}, "z": {"a": 5, "b": 2, "c": 3}}


def test_only_the_first_document_is_edited() -> None:
    assert edit("a: 1\n---\nb: 1\n", [Put(("c",), 2)]) == "a: 1\nc: 2\n---\nb: 1\n"


@pytest.mark.parametrize("text", ["", "# only\n", "{}\n", "~\n", "{a: 1}\n", '{"a": {"b": 1}}'])
def test_odd_roots_can_be_edited(text: str) -> None:
    document = Document.parse(text)
    assert edited(document, [Put(("x", "y"), "z")]).data == {**document.data, "x": {"y": "z"}}


@given(
    st.recursive(
        SCALARS | st.text(max_size=8), lambda b: st.lists(b, max_size=3) | st.dictionaries(st.text(max_size=4), b)
    )
)
def test_what_is_written_reads_back_as_the_same_values(value: Any) -> None:
    text = "\n".join(emit.entry("key", value, 0))
    assert same(Document.parse(text + "\n").data, {"key": value})


@pytest.mark.parametrize(
    "word",
    [
        "y",
        "N",
        "off",
        "08",
        "1e3",
        "0o17",
        "1_0",
        "~",
        "",
        "a: b",
        "a #b",
        "- a",
        "*a",
        "<<",
        "{{ t }}",
        "@a",
        "%a",
        " a",
        "a ",
        "!t",
        "#c",
        "null",
        ".5",
        "a\tb",
        "\x85",
    ],
)
def test_a_string_that_yaml_would_read_as_something_else_is_quoted(word: str) -> None:
    assert Document.parse(f"a: {emit.scalar(word)}\n").data == {"a": word}


LAYOUT = [
    "a:\n{i}b: 1 # b\n{i}# c\n{i}c: [1, {{x: 2}}]\n",
    "l:\n- n: 1\n  v: '2'\n# between\n-\n{i} z: 1\n",
    "s: |{k}\n{i}text\n{i}  deep\n\n\n",
    "# head\n\nf: {{q: 1, r: [1, 2], s: {{t: ~}}}} # flow\n",
    "m: &m\n{i}k: v\nn:\n{i}<<: *m\n{i}o: *m\n",
    'd: "one\n{i}two" # d\n',
    "e:\ng.h: 08\ny:\n{i}deep:\n{i}{i}er:\n{i}{i}{i}x: 1\n",
]
PATHS: list[tuple[str | int, ...]] = [
    ("a",), ("a", "b"), ("a", "c"), ("l",), ("s",), ("f", "q"), ("f", "s"), ("m",), ("n", "o"), ("n", "k"), ("d",),
    ("e",), ("g.h",), ("true", "deep", "er", "x"), ("l", 0), ("l", 1), ("a", "c", 1),
]  # fmt: skip


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, list[Put], list[tuple[str | int, ...]]]:
    parts = draw(st.lists(st.sampled_from(LAYOUT), min_size=1, unique=True))
    indent = " " * draw(st.sampled_from([1, 2, 4]))
    text = "".join(part.format(i=indent, k=draw(st.sampled_from(["", "-", "+"]))) for part in parts)
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    data = Document.parse(text).data
    there = [path for path in PATHS if _has(data, path)]
    targets = st.lists(st.sampled_from(["a", "new", "x", "f"]), min_size=1, max_size=3).map(tuple)
    puts = [
        Put(draw(targets), source=source) for source in draw(st.lists(st.sampled_from(there), max_size=3)) if there
    ] + [Put(draw(targets), value) for value in draw(st.lists(SCALARS, max_size=2))]
    drops = draw(st.lists(st.sampled_from([path for path in there if isinstance(path[-1], str)]), max_size=3))
    return text, puts, drops


def _has(data: Any, path: tuple[str | int, ...]) -> bool:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


@given(edits())
@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_an_edit_of_the_text_is_the_same_edit_of_the_values(case: tuple[str, list[Put], list[Any]]) -> None:
    text, puts, drops = case
    document = Document.parse(text)
    assert same(edited(document, puts, drops).data, changed(document.data, puts, drops))
