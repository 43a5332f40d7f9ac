"""What Helm says of a failure carries no value."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.helm.failure import failure
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


@pytest.mark.parametrize(
    ("stderr", "says"),
    [
        (
            "Error: UPGRADE FAILED: execution error at (rstudio-pm/templates/NOTES.txt:19:10): canary",
            "rstudio-pm/templates/NOTES.txt, line 19",
        ),
        (
            "Error: template: rstudio-pm/templates/extra-objects.yaml:3:4: executing canary: error calling tpl: canary",
            "rstudio-pm/templates/extra-objects.yaml, line 3",
        ),
        (
            "Error: YAML parse error on rstudio-pm/charts/rstudio-library/templates/a.yaml: error: canary",
            "rstudio-pm/charts/rstudio-library/templates/a.yaml",
        ),
        ("Error: values don't meet the specifications of the schema(s): canary", ""),
        ("NOTES:\ncanary\nError: parse error at (canary)", ""),
    ],
)
def test_an_error_of_rendering_names_template_and_line_only(stderr: str, says: str) -> None:
    where = f" ({says})" if says else ""
    said = failure(["upgrade", "pm"], stderr, ())
    assert str(said) == f"helm upgrade pm failed: the chart fails to render{where}."
