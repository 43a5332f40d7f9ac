"""The proxy of a request, as Go chooses it: each expectation is what golang.org/x/net/http/httpproxy answers."""

from __future__ import annotations

import pytest

from auditor.cluster.proxy import proxy_for
from auditor.errors import ClusterError

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
