"""A values file as Helm reads it, and as it was written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.errors import UnreadableFile, UnreadableValues
from auditor.values.document import Document
from auditor.values.overruled import overruled
from auditor.values.scalars import key_text, resolve_plain
from tests.stand_in.rendering import Helm

# Each measured with Helm 3.21 and 4.3.
DIALECT: list[tuple[str, Any]] = [
    ("y", True), ("Y", True), ("yes", True), ("on", True), ("ON", True), ("True", True), ("tRUE", "tRUE"),
    ("n", False), ("N", False), ("no", False), ("off", False), ("FALSE", False), ("yEs", "yEs"),
    ("~", None), ("null", None), ("Null", None), ("nUll", "nUll"),
    ("1e3", 1000), ("1E5", 100000), ("12e03", 12000), ("1e400", "1e400"), ("1.", 1), ("+.5", 0.5), (".5_0", 0.5),
    ("08", 8), ("017", 15), ("0o17", 15), ("0o8", "0o8"), ("0x1F", 31), ("0b11", 3), ("-0b11", -3), ("1_000", 1000),
    ("0x1p-2", "0x1p-2"), ("1:30", "1:30"), ("2001-01-01", "2001-01-01"), ("1.2.3", "1.2.3"), ("_1", "_1"),
    ("18446744073709551615", 18446744073709551615), ("+", "+"), (".", "."), ("0x", "0x"),
    ("'y'", "y"), ('"1e3"', "1e3"), ("!!str 1", "1"), ("! 1", "1"), ("!!float 1", 1), ("!!int '7'", 7),
    ("!vault x", "x"), ("!!binary aGk=", "hi"),
]  # fmt: skip

KEYS = [("y", "true"), ("off", "false"), ("08", "8"), ("1e6", "1e+06"), ("1.5e-5", "1.5e-05"), ("3.14", "3.14")]


@pytest.mark.parametrize(("text", "value"), DIALECT)
def test_scalars_have_the_type_that_helm_gives_them(text: str, value: Any) -> None:
    read = Document.parse(f"a: {text}\n").data["a"]
    assert read == value
    assert isinstance(read, bool) is isinstance(value, bool)


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_keys_become_strings_as_on_their_way_through_json(text: str, key: str) -> None:
    assert Document.parse(f"{text}: 1\n").data == {key: 1}


def test_the_dialect_is_what_real_helm_reads(helm: Helm, tmp_path: Path) -> None:
    """The tables above, the merge keys and duplicates, through `helm template`."""
    text = (
        "".join(f"s{i}: {text}\n" for i, (text, _) in enumerate(DIALECT) if not text.startswith("!vault"))
        + "".join(f"k{i}: {{{text}: 1}}\n" for i, (text, _) in enumerate(KEYS))
        + "base: &b {a: 1, b: 2}\nover: {b: 3, <<: *b, a: 4}\ntwice: 1\ntwice: 2\n"
    )
    assert _seen_by_helm(text, helm, tmp_path) == _as_json(Document.parse(text).data)


def test_helm_4_merges_the_documents_of_a_file_and_the_first_is_judged(helm: Helm, tmp_path: Path) -> None:
    """Helm 3 reads the first one only, so that a finding has to say that there are more."""
    text = "a: 1\n---\nb: 2\n"
    assert _seen_by_helm(text, helm, tmp_path) == {"a": 1, "b": 2}
    assert Document.parse(text).data == {"a": 1}
    assert [finding.id for finding in overruled(Document.parse(text))] == ["second-document"]


def _seen_by_helm(text: str, helm: Helm, folder: Path) -> Any:
    """What a template of a chart sees of a values file."""
    chart, values = folder / "probe", folder / "probe.yaml"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: probe, version: 0.0.0}")
    (chart / "templates" / "all.yaml").write_text("seen: {{ .Values | toJson | quote }}\n")
    values.write_text(text)
    printed = helm.run("template", "rel", chart, "--values", values)
    return json.loads(json.loads(printed.partition("seen: ")[2]), parse_int=float)


def _as_json(value: Any) -> Any:
    """Helm holds every number as a float."""
    if isinstance(value, dict):
        return {key: _as_json(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_as_json(below) for below in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "~\n", "{}\n", "\ufeff", "null # nothing\n"])
def test_a_file_without_values_holds_none(text: str) -> None:
    assert Document.parse(text).data == {}


def test_the_last_of_two_equal_keys_wins() -> None:
    assert Document.parse("a: 1\na: 2\n").data == {"a": 2}


def test_only_the_first_document_counts() -> None:
    assert Document.parse("a: 1\n---\nb: [\n").data == {"a": 1}


def test_a_merge_key_overwrites_what_stands_before_it() -> None:
    document = Document.parse("b: &b {x: 1, y z: 1}\na:\n  x: 0\n  <<: *b\n  y z: 2\n")
    assert document.data["a"] == {"x": 1, "y z": 2}


def test_the_earlier_of_several_merged_maps_wins() -> None:
    document = Document.parse("one: &1 {a: 1}\ntwo: &2 {a: 2, b: 2}\nc:\n  <<: [*1, *2]\n")
    assert document.data["c"] == {"a": 1, "b": 2}


def test_aliases_share_nothing() -> None:
    data = Document.parse("a: &x {b: [1]}\nc: *x\n").data
    data["a"]["b"].append(2)
    assert data["c"] == {"b": [1]}


BAD = [
    ("a:\n  b: 1\n c: 2\n", 3, 2, "did not find expected key"),
    ("a:\n\t- b\n", 2, 1, "cannot start any token"),
    ("a: {{ .Values.x }}\n", 1, 5, "can't be the key"),
    ("a: [1, 2\nb: 3\n", 2, 2, "expected"),
    ("- a\n- b\n", 1, 1, "not a map"),
    ("just words\n", 1, 1, "not a map"),
    ("a: *b\n", 1, 4, "not defined"),
    ("a: &a\n  b: *a\n", 2, 6, "contains itself"),
    ("a: .nan\n", 1, 4, "not allowed"),
    ("~: 1\n", 1, 1, "null"),
    ("a: !!int x\n", 1, 4, "!!int"),
    ("a: !!binary '*'\n", 1, 4, "base64"),
    ("a: b\x07\n", 1, 5, "control character"),
    ("a: 'b\n", 2, 1, "end of stream"),
    ("a: &x [1]\n<<: *x\n", 2, 5, "takes a map"),
    ("a: %b\n", 1, 4, "cannot start"),
    ("x: \ud800\n", 1, 4, "Unicode"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "problem"), BAD)
def test_what_helm_refuses_is_one_sentence_with_its_place(text: str, line: int, column: int, problem: str) -> None:
    with pytest.raises(UnreadableValues) as raised:
        Document.parse(text, "values.yaml")
    assert raised.value.message.startswith(f"values.yaml:{line}:{column}: ")
    assert problem in raised.value.message
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_a_template_and_a_tab_get_a_hint_of_their_own() -> None:
    with pytest.raises(UnreadableValues, match="not templates"):
        Document.parse("a: {{ .Values.x }}\n")
    with pytest.raises(UnreadableValues, match="tab"):
        Document.parse("a:\n\tb: 1\n")


def test_no_message_shows_what_the_file_holds() -> None:
    with pytest.raises(UnreadableValues) as raised:
        Document.parse("password: hunter2\n  secret: hunter3\n")
    assert "hunter" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 20_000, "".join(" " * i + "a:\n" for i in range(400)), "- " * 50_000],
    ids=["lists", "maps", "block maps", "dashes"],
)
def test_endless_nesting_is_refused_and_does_not_crash(text: str) -> None:
    with pytest.raises(UnreadableValues, match="nested deeper") as raised:
        Document.parse(text)
    # Helm itself reads 10,000 levels.
    assert raised.value.hint.startswith("posit-audit reads 100 levels")


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(UnreadableValues, match="aliases expand"):
        Document.parse("\n".join(lines))


def test_bytes_that_are_no_utf8_are_a_sentence() -> None:
    with pytest.raises(UnreadableValues, match=r"values.yaml:2:4: a byte is not utf-8"):
        Document.parse(b"a: 1\nb: \xff\n", "values.yaml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_that_helm_reads_comes_back_unchanged(encoding: str) -> None:
    content = "a: é # ü\r\nb: [1]\r\n".encode(encoding)
    document = Document.parse(content)
    assert document.data == {"a": "é", "b": [1]}
    assert document.content() == content


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="can't be read"):
        Document.read(tmp_path / "none.yaml")


def test_positions_count_from_one_and_name_the_key() -> None:
    document = Document.parse("a:\n  b.c:\n  - d: 1\n    e: 2\nf: {g: 1}\n")
    assert document.position(("a", "b.c")) == (2, 3)
    assert document.position(("a", "b.c", 0, "e")) == (4, 5)
    assert document.position(("f", "g")) == (5, 5)


def test_a_key_that_is_not_in_the_file_is_at_its_nearest_ancestor() -> None:
    document = Document.parse("x: 1\na:\n  b: 1\n")
    assert document.position(("a", "none", "at all")) == (2, 1)
    assert document.position(("none",)) == (1, 1)


def test_the_position_of_a_repeated_key_is_that_of_the_one_that_counts() -> None:
    assert Document.parse("a: 1\nb: 1\na: 2\n").position(("a",)) == (3, 1)


FRAGMENTS = [
    "a", "b: ", ":", "- ", "\n", "\n  ", "\n    ", '"x"', "'y'", "&a ", "*a", "<<: ", "{", "}", "[", "]", ", ", "08",
    "no", "~", "|", ">", "|-\n  text\n", " # c", "!!str ", "!!int ", "!t ", "\t", "?", "---\n", "...\n", "%", "@", "`",
    "true: ", "é", "\r\n", "!!binary ", "<<", "{{", "}}", "\\", "key: val\n", "k2:\n  z: 1\n", "\u2028", "\x85", "\x00",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join) | st.text(max_size=40))
@example("? a\n: b\n")
@example("a: !!float .inf")
def test_no_text_at_all_makes_it_crash(text: str) -> None:
    """Either values whose text comes back byte for byte, or one sentence with file, line and column."""
    try:
        document = Document.parse(text, "f")
    except UnreadableValues as error:
        said = error.message
    else:
        assert document.text() == text
        said = f"f: {json.dumps(document.data)}"
    assert said.startswith("f:")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(2**63), 2**63 - 1) | st.booleans())
def test_a_key_that_is_a_number_reads_back_as_that_number(value: float) -> None:
    text = key_text(value)
    if isinstance(value, bool):
        assert text in {"true", "false"}
    else:
        read = resolve_plain(text)
        assert isinstance(read, int | float)
        assert math.isclose(read, value, rel_tol=1e-6, abs_tol=1e-44)


def test_ten_megabytes_are_read() -> None:
    text = "".join(f"key{i}: |\n  {'x' * 10_000}\n" for i in range(1_000))
    assert len(Document.parse(text).data) == 1_000
