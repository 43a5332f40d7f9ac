"""What stands in an address of the kubeconfig beside the place is printed nowhere, and exec follows no redirect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cluster import retry
from auditor.cluster.connect import connect
from auditor.cluster.exec import run_in_container
from auditor.cluster.reader import Reader
from auditor.errors import ApiError
from auditor.model.kubernetes import PODS
from auditor.settings import ClusterSettings
from tests.cluster.scripted_api_server import ScriptedApiServer, scripted_api_server

SECRETS = ("user-c4nary", "pass-c4nary", "query-c4nary", "proxy-c4nary", "proxy-pass-c4nary")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApiServer]:
    monkeypatch.setattr(retry._backoff, "multiplier", 0.001)
    monkeypatch.setattr(retry._backoff, "max", 0.002)
    monkeypatch.setattr(retry._backoff, "jitter", 0.001)
    with scripted_api_server() as script:
        yield script


def kubeconfig(folder: Path, server: str, **cluster: str) -> str:
    file = folder / "kubeconfig"
    body = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(body))
    return str(file)


def printed(folder: Path, file: str, *arguments: str) -> str:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *arguments, "--kubeconfig", file],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    kept = [path.read_text() for path in folder.rglob("*") if path.is_file() and path.name != "kubeconfig"]
    return "".join((done.stdout, done.stderr, *kept))


@pytest.mark.parametrize("answer", [(200, {}, {"items": []}), (401, {}, {}), (403, {}, {}), None], ids=str)
@pytest.mark.parametrize("command", ["scan -o json", "-vv scan", "-vv fix --out PLAN", "preflight"])
def test_a_servers_address_is_printed_without_what_opens_it(
    command: str, answer: tuple[int, dict[str, str], object] | None, server: ScriptedApiServer, tmp_path: Path
) -> None:
    server.answers = [answer]
    address = server.address.replace("://", "://user-c4nary:pass-c4nary@") + "/?sig=query-c4nary"
    words = command.replace("PLAN", str(tmp_path / "plan.json")).split()
    if answer is None:
        words += ["--request-timeout", "1"]
    text = printed(tmp_path, kubeconfig(tmp_path, address), *words)
    assert [secret for secret in SECRETS if secret in text] == []
    assert server.requests


@pytest.mark.parametrize("scheme", ["http", "socks5", "ftp"])
def test_a_proxys_address_is_not_printed(scheme: str, tmp_path: Path) -> None:
    proxy = f"{scheme}://proxy-c4nary:proxy-pass-c4nary@127.0.0.1:1"
    file = kubeconfig(tmp_path, "https://cluster.invalid:6443", **{"proxy-url": proxy})
    text = printed(tmp_path, file, "-vv", "preflight", "--request-timeout", "1")
    assert [secret for secret in SECRETS if secret in text] == []
    assert "posit-audit:" in text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(status: int, server: ScriptedApiServer, tmp_path: Path) -> None:
    """Where it leads would get the token, the user to impersonate, and what is written to the container."""
    with scripted_api_server() as thief:
        thief.answers = [(200, {}, {"items": []})]
        location = thief.address.replace("http", "ws", 1) + "/anything"
        server.answers = [(status, {"Location": location}, {})]
        connection = connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, server.address), request_timeout=2))
        with pytest.raises(ApiError, match="is a redirect, which is not followed"):
            run_in_container(connection, "posit", "pod", "main", ["true"], stdin=b"secret")
        assert len(server.requests) == 1
        server.answers = [(status, {"Location": f"{thief.address}/anything"}, {})]
        with pytest.raises(ApiError):
            list(Reader(connection).list(PODS, "posit"))
        assert thief.requests == []
