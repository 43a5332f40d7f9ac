"""SOCKS 5 (RFC 1928, RFC 1929), which kubectl takes as proxy-url and in HTTPS_PROXY: `ssh -D` is one."""

from __future__ import annotations

import socket
import struct
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

_NOTHING, _PASSWORD = 0, 2


class SocksProxy:
    def __init__(self, proxy: str) -> None:
        url = urlsplit(proxy)
        self._address = (url.hostname or "", url.port or 1080)
        self._login = (unquote(url.username), unquote(url.password or "")) if url.username else None

    def connection(self, *, secure: bool) -> type[HTTPConnection]:
        """urllib3's own, with another way to its socket."""
        proxy = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return proxy._connect(self, self._dns_host, self.port)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return proxy._connect(self, self._dns_host, self.port)

        return Secure if secure else Plain

    def pool(self, **options: Any) -> urllib3.PoolManager:
        manager = urllib3.PoolManager(**options)
        plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": self.connection(secure=False)})
        secure = type("Secure", (HTTPSConnectionPool,), {"ConnectionCls": self.connection(secure=True)})
        manager.pool_classes_by_scheme = {"http": plain, "https": secure}
        return manager

    def _connect(self, connection: HTTPConnection, host: str, port: int) -> socket.socket:
        try:
            sock = create_connection(self._address, connection.timeout)
        except OSError as error:
            raise NewConnectionError(connection, f"the SOCKS proxy: {error}") from error
        try:
            self._greet(sock)
            name = host.encode("idna")
            sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
            answer = _take(sock, 4)
            if answer[1] != 0:
                raise OSError(f"the SOCKS proxy refused ({answer[1]})")
            length = {1: 4, 4: 16}.get(answer[3]) or _take(sock, 1)[0]
            _take(sock, length + 2)
        except OSError as error:
            sock.close()
            raise NewConnectionError(connection, str(error)) from error
        return sock

    def _greet(self, sock: socket.socket) -> None:
        method = _PASSWORD if self._login else _NOTHING
        sock.sendall(bytes([5, 1, method]))
        if _take(sock, 2) != bytes([5, method]):
            raise OSError("the SOCKS proxy wants another login")
        if self._login:
            name, password = (part.encode() for part in self._login)
            sock.sendall(b"\x01" + bytes([len(name)]) + name + bytes([len(password)]) + password)
            if _take(sock, 2)[1] != 0:
                raise OSError("the SOCKS proxy does not accept the login")


def _take(sock: socket.socket, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        more = sock.recv(count - len(taken))
        if not more:
            raise OSError("the SOCKS proxy hung up")
        taken += more
    return taken
