"""The table of attacks in docs/security.md and the tests that play them name each other's files."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_each_attack_has_a_file_and_each_file_an_attack() -> None:
    page = (HERE.parent.parent.parent / "docs" / "security.md").read_text()
    rows = re.findall(r"^\|.*\| (test_\w+\.py) \|$", page, re.MULTILINE)
    assert {*rows} == {file.name for file in HERE.glob("test_*.py")} - {Path(__file__).name}
