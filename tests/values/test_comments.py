"""Comments outlive an edit; where they can't, the document names them and migrate tells."""

from __future__ import annotations

from auditor.catalog import Chart
from auditor.values.changes import Put
from auditor.values.comments import comments
from auditor.values.document import Document
from auditor.values.editing import edited
from auditor.values.migration import migrate


def test_what_looks_like_a_comment_inside_a_scalar_is_none() -> None:
    text = "# head\na: 'x # no' # yes\nb: x#no\nc: |\n  # no\n  text\n# foot\n"
    assert [found for _, found in comments(Document.parse(text))] == ["# head", "# yes", "# foot"]


def test_an_alias_is_written_out_alone_when_its_anchor_moves_behind_it() -> None:
    text = "a:\n  b: &x\n    - 1\np:\n  # about q\n  q: *x # shared\n  r: 1 # r\no: &o 1\nm: *o # m\nz:\n  y: 1\n"
    document = edited(Document.parse(text), [Put(("z", "b"), source=("a", "b"))], [("a", "b")])
    assert "p:\n  # about q\n  q: # shared\n    - 1\n  r: 1 # r\no: &o 1\nm: *o # m\n" in document.text()
    assert document.lost == ()


def test_the_comment_beside_a_map_in_braces_that_grows_stays() -> None:
    document = edited(Document.parse("a: {b: 1} # beside\nc: 1\n"), [Put(("a", "d"), 2)])
    assert document.text() == "a: # beside\n  b: 1\n  d: 2\nc: 1\n"


def test_a_comment_that_goes_with_a_dropped_key_is_not_lost() -> None:
    assert edited(Document.parse("a:\n  # of b\n  b: 1 # b\n  c: 1\n"), drops=[("a", "b")]).lost == ()


def test_the_document_names_the_comments_that_an_edit_loses() -> None:
    document = edited(Document.parse("a: {\n  b: 1, # one\n  c: 2\n}\n"), [Put(("a", "d"), 2)])
    assert document.lost == ("# one",)


def test_migrate_tells_which_key_lost_comments(connect: Chart) -> None:
    text = (
        "sharedStorage: {create: true}\nlauncher: {enabled: true}\n"
        "backends: {\n  # hunter2\n  kubernetes: {defaultInitContainer: {enabled: true}} # here\n}\n"
    )
    result = migrate([Document.parse(text, "values.yaml")], connect)
    (note,) = [note for note in result.notes if "comments" in note.message]
    assert (note.kind, note.key, note.file, note.line, note.column) == ("kept", "backends", "values.yaml", 4, 3)
    assert note.message.startswith("2 of its comments")
    assert "hunter2" not in note.message
    assert result.exit_code == 0
