"""What lies between people and their API servers: proxies, load balancers with a certificate of their own, Rancher."""

from __future__ import annotations

import base64
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cluster.authorities import Issued

Serve = Callable[[socket.socket], None]


@contextmanager
def _listening(serve: Serve, address: str) -> Iterator[int]:
    """A thread for each connection; the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:

        def one(taken: socket.socket) -> None:
            with suppress(OSError, ValueError), taken:
                serve(taken)

        def loop() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def _both_ways(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join(5)


def _head(taken: socket.socket) -> tuple[bytes, bytes]:
    """Up to the empty line, and what came after it. Raises ValueError where the other side has gone."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = taken.recv(65536)
        if not more:
            raise ValueError
        read += more
    head, _, rest = read.partition(b"\r\n\r\n")
    return head, rest


@contextmanager
def connect_proxy(login: str = "") -> Iterator[tuple[int, list[str]]]:
    """An HTTP proxy for CONNECT, with `user:password` if given; its port, and whereto it was asked."""
    asked: list[str] = []

    def serve(taken: socket.socket) -> None:
        head, _ = _head(taken)
        target = head.split()[1].decode()
        wanted = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}".lower()
        if login and wanted not in head.decode().lower():
            taken.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        asked.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as server:
            taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _both_ways(taken, server)

    with _listening(serve, "127.0.0.1") as port:
        yield port, asked


@contextmanager
def socks_proxy() -> Iterator[tuple[int, list[str]]]:
    """SOCKS 5 without a login; its port, and whereto it was asked."""
    asked: list[str] = []

    def serve(taken: socket.socket) -> None:
        _, methods = taken.recv(2)
        taken.recv(methods)
        taken.sendall(b"\x05\x00")
        _, _, _, kind = taken.recv(4)
        host = socket.inet_ntoa(taken.recv(4)) if kind == 1 else taken.recv(taken.recv(1)[0]).decode()
        (port,) = struct.unpack(">H", taken.recv(2))
        asked.append(f"{host}:{port}")
        with socket.create_connection((host, port)) as server:
            taken.sendall(b"\x05\x00\x00\x01" + bytes(6))
            _both_ways(taken, server)

    with _listening(serve, "127.0.0.1") as port:
        yield port, asked


@contextmanager
def gateway(
    server: tuple[str, int], authority: Path, issued: Issued, *, prefix: str = "", address: str = "127.0.0.1"
) -> Iterator[tuple[int, list[str]]]:
    """A reverse proxy that ends TLS with a certificate of its own and serves the API server below `prefix`; what lies
    elsewhere is 404. Its port, and the paths that were asked for."""
    outside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outside.load_cert_chain(issued.certificate, issued.key)
    inside = ssl.create_default_context(cafile=str(authority))
    inside.verify_flags &= ~ssl.VERIFY_X509_STRICT
    asked: list[str] = []

    def serve(taken: socket.socket) -> None:
        with (
            outside.wrap_socket(taken, server_side=True) as client,
            inside.wrap_socket(socket.create_connection(server), server_hostname=server[0]) as api,
        ):
            back = threading.Thread(target=_pump, args=(api, client), daemon=True)
            back.start()
            while _one(client, api):
                pass
            _pump(client, api)
            back.join(5)

    def _one(client: socket.socket, api: socket.socket) -> bool:
        """One request, passed on; False where what follows is no request any more."""
        head, rest = _head(client)
        line, *headers = head.split(b"\r\n")
        method, path, version = line.decode().split(" ")
        asked.append(path)
        if not path.startswith(f"{prefix}/"):
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            raise ValueError
        api.sendall(b"\r\n".join([f"{method} {path.removeprefix(prefix)} {version}".encode(), *headers, b"", rest]))
        names = {name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in headers)}
        missing = int(names.get(b"content-length", 0)) - len(rest)
        while missing > 0:
            more = client.recv(missing)
            if not more:
                raise ValueError
            api.sendall(more)
            missing -= len(more)
        return b"upgrade" not in names

    with _listening(serve, address) as port:
        yield port, asked
