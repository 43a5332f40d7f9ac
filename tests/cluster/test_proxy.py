"""The proxy of a request, as Go chooses it: each expectation is what golang.org/x/net/http/httpproxy answers. What is
wrong with it is a sentence."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest

from auditor.cluster import retry
from auditor.cluster.connect import connect
from auditor.cluster.proxy import proxy_for
from auditor.cluster.reader import Reader
from auditor.errors import ClusterError, Unavailable
from auditor.model.kubernetes import PODS
from auditor.settings import ClusterSettings
from tests.cluster.authorities import authority
from tests.cluster.gateways import connect_proxy

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("server", "no_proxy", "direct"),
    [
        ("https://api.example", "", False),
        ("https://api.example", "*", True),
        ("https://api.example", "example", True),
        ("https://api.example", ".example", True),
        ("https://example", ".example", False),
        ("https://example", "example", True),
        ("https://api.example", "*.example", True),
        ("https://notexample", "example", False),
        ("https://API.example", "api.EXAMPLE ", True),
        ("https://api.example", "other, api.example", True),
        ("https://api.example:6443", "api.example:6443", True),
        ("https://api.example:6443", "api.example:443", False),
        ("https://api.example", "api.example:443", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", True),
        ("https://10.1.2.3:6443", "10.1.2.3:443", False),
        ("https://10.1.2.3", "2.3", False),
        ("https://api.example", "10.0.0.0/8", False),
        ("https://[fd00::1]:6443", "fd00::/8", True),
        ("https://[fd00::1]:6443", "fd00::1", True),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", True),
        ("https://[fd00::1]:6443", "[fd00::1]:443", False),
        ("https://127.0.0.1:6443", "", True),
        ("https://127.9.9.9:6443", "", True),
        ("https://[::1]:6443", "", True),
        ("https://localhost:6443", "", True),
        ("https://kind.localhost:6443", "", False),
        ("https://api.example", ",:,/,10.0.0.0/99", False),
    ],
)
def test_no_proxy(monkeypatch: pytest.MonkeyPatch, server: str, no_proxy: str, direct: bool) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for(server, None) == (None if direct else PROXY)


def test_proxy_url_stands_above_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "*")
    assert proxy_for("https://127.0.0.1", "socks5://other:1080") == "socks5://other:1080"


def test_each_scheme_has_its_variable_and_capitals_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)  # which Go does not know
    assert proxy_for("https://api.example", None) is None
    monkeypatch.setenv("https_proxy", "lower.example:3128")
    assert proxy_for("http://api.example", None) is None
    assert proxy_for("https://api.example", None) == "http://lower.example:3128"
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert proxy_for("https://api.example", None) == PROXY


@pytest.mark.parametrize("proxy", ["ftp://u:se-cret@x", "http://", "se-cret"])
def test_what_is_no_proxy_is_a_sentence_without_its_password(proxy: str) -> None:
    with pytest.raises(ClusterError, match="proxy-url in the kubeconfig is not the URL of a proxy") as caught:
        proxy_for("https://api.example", proxy)
    assert "se-cret" not in str(caught.value)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("multiplier", "max", "jitter"):
        monkeypatch.setattr(retry._backoff, name, 0.001)


def refused(tmp_path: Path, proxy: str) -> str:
    cluster = {"server": "https://192.0.2.1", "proxy-url": proxy}
    content = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(content))
    reader = Reader(connect(ClusterSettings(kubeconfig=str(tmp_path / "kubeconfig"), request_timeout=5)))
    with pytest.raises((ClusterError, Unavailable)) as caught:
        reader.get(PODS, "ns", "a")
    assert "se-cret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_that_is_not_there_is_named(tmp_path: Path, scheme: str) -> None:
    said = refused(tmp_path, f"{scheme}://jo:se-cret@127.0.0.1:9")
    assert (
        f"The proxy {scheme}://127.0.0.1:9 on the way to the API server https://192.0.2.1 can't be used: Conn" in said
    )


@pytest.mark.usefixtures("hurried")
def test_a_proxy_that_wants_another_login_is_named(tmp_path: Path) -> None:
    with connect_proxy("jo:other") as (port, _):
        said = refused(tmp_path, f"http://jo:se-cret@127.0.0.1:{port}")
    assert f"The proxy http://127.0.0.1:{port} on the way" in said
    assert "407 Proxy Authentication Required" in said


def test_a_proxy_whose_certificate_is_unknown_is_named(tmp_path: Path) -> None:
    issued = authority(tmp_path).issue("proxy", "IP:127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(issued.certificate, issued.key)
    with connect_proxy(tls=tls) as (port, _):
        said = refused(tmp_path, f"https://jo:se-cret@127.0.0.1:{port}")
    assert f"The proxy https://127.0.0.1:{port} on the way" in said
    assert "unable to get local issuer certificate" in said
