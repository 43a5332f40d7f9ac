"""The objects of a manifest, of which every reader makes the same."""

from __future__ import annotations

import pytest

from auditor.helm.objects import Key, read

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"


def test_each_has_its_template_its_text_and_its_key() -> None:
    one, other = read(
        f"---\n# Source: pm/templates/a.yaml\n{MAP}---\n# Source: pm/templates/b.yaml\n{MAP}  namespace: b\n"
    )
    assert (one.source, one.key) == ("pm/templates/a.yaml", Key("v1", "ConfigMap", "", "a"))
    assert (other.source, other.key.namespace) == ("pm/templates/b.yaml", "b")
    assert one.text.startswith("# Source: pm/templates/a.yaml\napiVersion")
    assert read("") == read("---\n# nothing\n---\n") == ()


def test_what_a_list_holds_is_taken_out_whatever_its_kind_is() -> None:
    inner = '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}}'
    text = f"apiVersion: v1\nkind: Harmless\nitems: [{inner}, {{apiVersion: v1, kind: L, items: [{inner}]}}]\n"
    assert [one.key.kind for one in read(text)] == ["Secret", "Secret"]
    with pytest.raises(ValueError, match="no metadata"):
        read(text.replace("metadata", "meta"))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (MAP, True),
        (f"{MAP}data: {{a: b}}\n", True),
        (f"{MAP}kind: Secret\n", False),
        (f"{MAP}data: {{a: b, a: c}}\n", False),
        (f"{MAP}data: {{x: &a b, y: *a}}\n", False),
        (f"{MAP}data: {{<<: {{a: b}}}}\n", False),
        (f"{MAP}data: {{a: !!binary aGk=}}\n", False),
    ],
)
def test_what_one_reader_may_take_for_another_is_not_plain(text: str, plain: bool) -> None:
    (one,) = read(text)
    assert one.is_plain is plain


@pytest.mark.parametrize(
    "text",
    [
        f"{MAP}--- apiVersion: v1\n",
        f"{MAP}---apiVersion: v1\n",
        f"{MAP}...\n{MAP}",
        f"%YAML 1.1\n---\n{MAP}",
        MAP.replace("\n", "\r"),
        MAP.replace("name: a", "name: ../../a"),
        MAP.replace("v1", "v1/../v2"),
        MAP.replace("ConfigMap", "Config/Map"),
        MAP.replace("metadata:\n  name: a", "metadata: a"),
        "- a\n",
        "a: &b [*b]\n",
        "kind: x",
    ],
)
def test_what_is_not_read_in_one_way_by_everybody_is_no_manifest(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any, and none with the text in it
        read(text)
