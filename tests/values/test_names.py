"""A key can be a secret that slipped to the left of a colon: it is in no line of lint or migrate, its place is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.catalog import load
from auditor.names.keys import note as shown_note
from auditor.report import lint as report
from auditor.values.document import Document
from auditor.values.lint import lint
from auditor.values.migration import as_json, migrate

SECRETS = ("hunter2swordfish", "S3cr3tC4nary", "KQ7M-Z2XA-9PLT-04VB")
SLIPS = """\
config:
  Postgres:
    hunter2swordfish:
  Launcher: {"S3cr3tC4nary": 1, "hunter2swordfish": {a: 1}}
hunter2swordfish: x
license: {KQ7M-Z2XA-9PLT-04VB: x, S3cr3tC4nary: 1}
license.key: x
launcher:
  enabled: true
  S3cr3tC4nary: {hunter2swordfish: 1}
  additionalRuntimeImages: []
  templateValues: {pod: {S3cr3tC4nary: 1}, hunter2swordfish: 2}
service: {annotations: [S3cr3tC4nary, {hunter2swordfish: 1}]}
extraObjects: [{S3cr3tC4nary: "{{ x }}", data: {hunter2swordfish: "{{ x }}"}}]
sharedStorage: {create: true, S3cr3tC4nary: 1, S3cr3tC4nary: 2}
"""


def without_secrets(text: str) -> None:
    assert [secret for secret in SECRETS if secret.lower() in text.lower()] == []


@pytest.mark.parametrize("name", ["rstudio-connect", "rstudio-pm"])
def test_lint_tells_the_place_and_not_the_key(name: str) -> None:
    result = lint([Document.parse(SLIPS, "values.yaml")], load().chart(name), from_version=None)
    text, told = report.render(result), report.render_json(result)
    without_secrets(text)
    without_secrets(told)
    places = {(one["line"], one["key"]) for one in json.loads(told)["findings"]}
    assert (5, "****") in places
    assert (6, "license.****") in places
    assert "values.yaml:5:1: ignored: ****: the chart does not read this key" in text


def test_migration_notes_tell_the_place_and_not_the_key() -> None:
    result: Any = migrate(
        [Document.parse(SLIPS, "values.yaml")],
        load().chart("rstudio-connect"),
        from_version="0.8.38",
        to_version="0.21.0",
        namespace="posit",
    )
    assert result.notes
    without_secrets(json.dumps(as_json(result)["notes"]))
    for note in result.notes:
        without_secrets(repr(shown_note(note)))
