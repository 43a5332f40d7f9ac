"""The table of docs/operations.md and the tests beside kubectl name each other."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_each_row_has_a_test_and_each_test_a_row() -> None:
    page = (HERE.parent.parent / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\|.*\| `(\w+)` \|$", page, re.MULTILINE)
    tests = re.findall(r"^def test_(\w+)\(", (HERE / "test_parity.py").read_text(), re.MULTILINE)
    assert rows == tests
