"""What lies between people and their API servers: proxies, load balancers with a certificate of their own, Rancher.

One event loop serves each of them: an SSL socket that two threads use at once mixes up what it sends.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cluster.authorities import Issued

Serve = Callable[[StreamReader, StreamWriter], Awaitable[None]]
_GONE = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
"""One of the sides went away, or did not speak as expected."""


@contextmanager
def _listening(serve: Serve, address: str, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port. What is still connected at the end is cut off."""
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = []
    ready = threading.Event()

    async def main() -> None:
        ended, serving = asyncio.Event(), set[asyncio.Task[None]]()

        async def one(reads: StreamReader, writes: StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            serving.add(task)
            try:
                with suppress(*_GONE, asyncio.CancelledError):
                    await serve(reads, writes)
            finally:
                writes.transport.abort()
                serving.discard(task)

        server = await asyncio.start_server(one, address, 0, ssl=tls)
        started.append((asyncio.get_running_loop(), ended, server.sockets[0].getsockname()[1]))
        ready.set()
        await ended.wait()
        server.close()
        for task in (left := tuple(serving)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes the sockets of aborted transports in its next turn

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    ((loop, ended, port),) = started
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)


async def _pump(source: StreamReader, sink: StreamWriter) -> None:
    """Until one of the sides ends it. What was read was sent on."""
    with suppress(*_GONE):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    with suppress(*_GONE):
        sink.close()


async def _both_ways(reads: StreamReader, writes: StreamWriter, server: str, port: int) -> None:
    from_server, to_server = await asyncio.open_connection(server, port)
    try:
        await asyncio.gather(_pump(reads, to_server), _pump(from_server, writes))
    finally:
        to_server.transport.abort()


@contextmanager
def connect_proxy(login: str = "", tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    """An HTTP proxy for CONNECT, with `user:password` if given; its port, and whereto it was asked."""
    asked: list[str] = []

    async def serve(reads: StreamReader, writes: StreamWriter) -> None:
        head = (await reads.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        wanted = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}".lower()
        if login and wanted not in head.lower():
            writes.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writes.drain()
            writes.close()
            await writes.wait_closed()
            return
        asked.append(target)
        host, _, port = target.rpartition(":")
        writes.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await _both_ways(reads, writes, host.strip("[]"), int(port))

    with _listening(serve, "127.0.0.1", tls) as port:
        yield port, asked


@contextmanager
def socks_proxy() -> Iterator[tuple[int, list[str]]]:
    """SOCKS 5 without a login; its port, and whereto it was asked."""
    asked: list[str] = []

    async def serve(reads: StreamReader, writes: StreamWriter) -> None:
        _, methods = await reads.readexactly(2)
        await reads.readexactly(methods)
        writes.write(b"\x05\x00")
        _, _, _, kind = await reads.readexactly(4)
        if kind == 1:
            host = socket.inet_ntoa(await reads.readexactly(4))
        else:
            (length,) = await reads.readexactly(1)
            host = (await reads.readexactly(length)).decode()
        (port,) = struct.unpack(">H", await reads.readexactly(2))
        asked.append(f"{host}:{port}")
        writes.write(b"\x05\x00\x00\x01" + bytes(6))
        await _both_ways(reads, writes, host, port)

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

    async def serve(reads: StreamReader, writes: StreamWriter) -> None:
        from_api, to_api = await asyncio.open_connection(*server, ssl=inside)
        back = asyncio.create_task(_pump(from_api, writes))
        try:
            while await one(reads, writes, to_api):
                pass
            await asyncio.gather(_pump(reads, to_api), back)
        finally:
            back.cancel()
            to_api.transport.abort()

    async def one(reads: StreamReader, writes: StreamWriter, to_api: StreamWriter) -> bool:
        """One request, passed on; False if what follows is no request any more."""
        head = (await reads.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
        line, *headers = head.split(b"\r\n")
        method, path, version = line.decode().split(" ")
        asked.append(path)
        if not path.startswith(f"{prefix}/"):
            writes.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writes.drain()
            writes.close()
            await writes.wait_closed()
            raise ValueError
        to_api.write(b"\r\n".join([f"{method} {path.removeprefix(prefix)} {version}".encode(), *headers, b"", b""]))
        names = {name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in headers)}
        to_api.write(await reads.readexactly(int(names.get(b"content-length", 0))))
        await to_api.drain()
        return b"upgrade" not in names

    with _listening(serve, address, outside) as port:
        yield port, asked
