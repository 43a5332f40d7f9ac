"""Helm goes to the same cluster as the same user, also where none of its flags says so."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.errors import HelmError
from auditor.helm.access import Access
from auditor.helm.command import Helm
from auditor.settings import ClusterSettings

SETTINGS = ClusterSettings(
    kubeconfig="~/k", context="here", impersonate="alice", impersonate_groups=("a", "b,c"), impersonate_uid="7"
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def program(tmp_path: Path, body: str) -> str:
    path = tmp_path / "helm"
    path.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo v3.21.4; exit; fi\ncd {tmp_path}\n{body}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def upgrade(helm: Helm) -> None:
    helm.upgrade("posit", "pm", chart=Path("/chart"), values=b"a: 1", secrets=[])


def test_flags_where_they_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jo")
    with Access(SETTINGS, lambda: None).opened() as (flags, environment):
        assert flags == [
            *("--kube-context", "here", "--kube-as-user", "alice"),
            *("--kube-as-group", "a", "--kube-as-group", "b,c"),
        ]
        assert environment["KUBECONFIG"] == "/home/jo/k"


def test_a_kubeconfig_of_its_own_is_this_users_alone_and_takes_the_place_of_the_flags(
    tmp_path: Path, temporary: Path
) -> None:
    body = 'stat -c %a "$KUBECONFIG" "$(dirname "$KUBECONFIG")" > said; cat "$KUBECONFIG" >> said; echo "$@" >> said'
    upgrade(Helm(SETTINGS, program=program(tmp_path, body), kubeconfig=lambda: b"content\n"))
    said = (tmp_path / "said").read_text().splitlines()
    assert said[:3] == ["600", "700", "content"]
    assert "--kube" not in said[3]
    assert list(temporary.iterdir()) == []


def test_it_is_gone_after_a_failure(tmp_path: Path, temporary: Path) -> None:
    with pytest.raises(HelmError):
        upgrade(Helm(SETTINGS, program=program(tmp_path, "exit 1"), kubeconfig=lambda: b"content"))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_is_gone_after_a_signal(tmp_path: Path, number: int) -> None:
    helm = program(tmp_path, 'echo "$KUBECONFIG" > part; mv part said; exec sleep 60')
    script = f"""
from pathlib import Path
from auditor.apply.run import terminable
from auditor.helm.command import Helm
from auditor.settings import ClusterSettings
with terminable():
    helm = Helm(ClusterSettings(), program={helm!r}, kubeconfig=lambda: b"content")
    helm.upgrade("posit", "pm", chart=Path("/chart"), values=b"", secrets=[])
"""
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, env={**os.environ})
    deadline = time.monotonic() + 30
    while not (tmp_path / "said").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    file = Path((tmp_path / "said").read_text().strip())
    assert file.read_bytes() == b"content"
    process.send_signal(number)
    process.wait(30)
    assert not file.parent.exists()


def test_a_chart_is_fetched_without_any_identity(tmp_path: Path) -> None:
    def never() -> bytes:
        raise AssertionError

    helm = Helm(SETTINGS, program=program(tmp_path, 'echo "$@" > said'), kubeconfig=never)
    helm.pull("oci://x/y", version="1", into=tmp_path)
    assert "--kube" not in (tmp_path / "said").read_text()
