"""Which Kubernetes is compiled."""

from __future__ import annotations

import re

import pytest

from scripts.progress import StepFailedError
from scripts.toolchain import build


def test_each_version_has_its_own_module_and_place_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    places = set()
    for go_mod in build.MODULES.glob("*/go.mod"):
        required = re.search(r"^(?:require)?\s+k8s\.io/kubernetes (v\S+)", go_mod.read_text(), re.MULTILINE)
        assert required is not None
        assert required.group(1) == go_mod.parent.name
        monkeypatch.setenv("KUBERNETES", required.group(1).removeprefix("v"))
        assert build.kubernetes_version() == required.group(1)
        places.add(build.folder())

    assert len(places) == len(list(build.MODULES.iterdir())) > 1


def test_the_pinned_version_is_used_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", "")

    assert build.kubernetes_version() == build.KUBERNETES


def test_a_version_without_a_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", "1.2.3")

    with pytest.raises(StepFailedError, match=r"v1\.2\.3, which is not one of .*v1\.37\.2"):
        build.folder()
