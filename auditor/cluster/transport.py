"""The way to one API server, the same for requests and for exec: TLS, the name in it, and the proxy."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.util import parse_url

from auditor.cluster.socks import SocksProxy


class Transport:
    def __init__(self, server: str, *, tls: ssl.SSLContext, server_name: str, proxy: str | None) -> None:
        self._server, self.tls = urlsplit(server), tls
        self._secure = self._server.scheme == "https"
        self._server_name = server_name or None
        self._proxy = parse_url(proxy) if proxy else None
        self._socks = SocksProxy(proxy) if proxy and urlsplit(proxy).scheme.startswith("socks") else None
        self._proxy_headers = _proxy_headers(proxy) if proxy else {}

    @property
    def proxy(self) -> str:
        """Its address, without the login; "" if there is none."""
        return self._proxy._replace(auth=None).url if self._proxy else ""

    def pool(self) -> urllib3.PoolManager:
        # Retries are made in one place, by cluster/retry.py, and are logged there.
        common: dict[str, Any] = {"retries": urllib3.Retry(total=0, redirect=2), "ssl_context": self.tls}
        if self._server_name:
            common["server_hostname"] = self._server_name
        if self._socks is not None:
            return self._socks.pool(**common)
        if self._proxy is not None:
            return urllib3.ProxyManager(
                self._proxy.url, proxy_headers=self._proxy_headers, proxy_ssl_context=self.tls, **common
            )
        return urllib3.PoolManager(**common)

    def open(self, timeout: float) -> Any:
        """A connected socket for what is no plain request. Raises as urllib3 and ssl do."""
        host, port = self._server.hostname or "", self._server.port or (443 if self._secure else 80)
        through = self._proxy if self._socks is None else None
        options: dict[str, Any] = {"timeout": timeout}
        if self._secure:
            options |= {"ssl_context": self.tls, "server_hostname": self._server_name}
        if self._socks is not None:
            connection = self._socks.connection(secure=self._secure)(host, port, **options)
        else:
            kind = HTTPSConnection if self._secure or (through and through.scheme == "https") else HTTPConnection
            if through is not None:
                options |= {"proxy": through, "proxy_config": ProxyConfig(self.tls, False, None, None)}
            connection = kind(through.host or "" if through else host, through.port if through else port, **options)
            if through is not None:
                connection.set_tunnel(host, port, self._proxy_headers, through.scheme or "http")
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        sock, connection.sock = connection.sock, None
        return sock


def _proxy_headers(proxy: str) -> dict[str, str]:
    url = urlsplit(proxy)
    if url.username is None:
        return {}
    both = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return dict(urllib3.make_headers(proxy_basic_auth=both))
