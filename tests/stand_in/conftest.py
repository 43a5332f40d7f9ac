from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart_repository import ChartRepository, chart_repository
from tests.stand_in.rendering import Helm


@pytest.fixture(scope="session")
def repository() -> Iterator[ChartRepository]:
    with chart_repository() as served:
        yield served


@pytest.fixture
def helm(repository: ChartRepository, tmp_path: Path) -> Helm:
    return Helm(repository, tmp_path)
