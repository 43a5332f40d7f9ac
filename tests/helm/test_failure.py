"""What Helm says of a failure carries no value."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.names.secrets import scrub


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("key s3cretvalue", {"a": {"b": "s3cretvalue"}}),
        ("key s3cretvalue", {"a": ["x", {"b": "s3cretvalue"}]}),
        ("map[a:12345678]", {"a": 12345678}),
        ("line s3cretvalue", {"a": "first\n  s3cretvalue\n"}),
        ("key czNjcmV0dmFsdWU=", {"a": "s3cretvalue"}),
        (r"key s3c\"ret", {"a": 's3c"ret'}),
    ],
)
def test_scrubbing(text: str, values: dict[str, Any]) -> None:
    assert "<withheld>" in scrub(text, [values])


def test_scrubbing_leaves_short_and_plain_words() -> None:
    assert scrub("true abc 80", [{"a": True, "b": "abc", "c": 80, "d": None, "e": {}}]) == "true abc 80"
