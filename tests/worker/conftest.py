from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.ownership_run import plant


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A volume of 800 files in 20 directories, all root's."""
    root = tmp_path / "volume"
    plant(root, 20, 40)
    return root
