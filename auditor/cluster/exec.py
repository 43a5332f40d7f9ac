"""Runs a command in a container and gives back its exit code and output.

Written on websocket-client, which the kubernetes client uses too: the latter's own exec drops the impersonation headers
(kubernetes/stream/ws_client.py, create_websocket), so that `--as` would run as somebody else. The socket below it is
opened as for any request, since websocket-client has rules of its own for TLS and proxies.
Protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/ and kubernetes/enhancements KEP-4006.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
import structlog
import urllib3.exceptions
import websocket

from auditor.cluster.connect import Connection
from auditor.cluster.refusal import Refusal
from auditor.cluster.request import handshake_failed, path_of, refusal
from auditor.cluster.retry import Transient, with_retries
from auditor.cluster.tls import word
from auditor.errors import ApiError, Unauthorized
from auditor.model.kubernetes import PODS

log = structlog.get_logger()

_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE = 0, 1, 2, 3, 255
_V5, _V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
_FRAME = 64 * 1024
_LARGEST_OUTPUT = 8 * 1024 * 1024


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """`exit_code` is 126 or 127 where the container has no such command, as a shell would say."""

    exit_code: int
    stdout: str
    stderr: str


def run_in_container(
    connection: Connection,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float = 60.0,
) -> ExecResult:
    """Raises Forbidden, NotFound or Transient as for any request; Transient too where `timeout` seconds pass."""
    refused = refusal(connection, "get", PODS, namespace, pod, "exec")
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    if stdin:
        query.append(("stdin", "true"))
    query += [("command", part) for part in command]
    log.debug("request", method="GET", path=path_of(PODS, namespace, pod, "exec"), container=container)

    def opened() -> websocket.WebSocket:
        try:
            return _open(connection, namespace, pod, query, refused)
        except Unauthorized:
            if not connection.renew():
                raise
            return _open(connection, namespace, pod, query, refused)

    socket = with_retries(opened)
    try:
        return _converse(socket, stdin, time.monotonic() + timeout, refused)
    finally:
        # Not close(): that does nothing once the server has said goodbye, and leaves the socket open.
        socket.shutdown()


def _open(
    connection: Connection, namespace: str, pod: str, query: list[tuple[str, str]], refused: Refusal
) -> websocket.WebSocket:
    _, url, headers, *_ = connection.api.param_serialize(
        method="GET", resource_path=path_of(PODS, namespace, pod, "exec"), query_params=[]
    )
    address = url.replace("http", "ws", 1) + "?" + urlencode(query)
    sent = [*((name, value) for name, value in headers.items() if name.lower() != "accept"), *connection.headers()]
    try:
        return websocket.create_connection(
            address,
            header=[f"{name}: {value}" for name, value in sent],
            subprotocols=[_V5, _V4],
            socket=connection.transport.open(connection.settings.request_timeout),
            timeout=connection.settings.request_timeout,
            redirect_limit=0,  # where it leads would get the credentials and what is written to the container
        )
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body if isinstance(error.resp_body, bytes) else b""
        raise refused.of(error.status_code, body, dict(error.resp_headers or {})) from None
    except (websocket.WebSocketException, urllib3.exceptions.HTTPError, OSError) as error:
        if word(error):
            raise handshake_failed(connection, error) from None
        if "redirect" in str(error).lower():
            raise ApiError(
                f"The answer to the request for {refused.what} is a redirect, which is not followed.",
                hint="Give the address in the kubeconfig to which it leads, if that is the API server's.",
            ) from None
        raise Transient(f"The connection for {refused.what} could not be made ({type(error).__name__}).") from None


def _converse(socket: websocket.WebSocket, stdin: bytes, deadline: float, refused: Refusal) -> ExecResult:
    output: dict[int, bytearray] = {_STDOUT: bytearray(), _STDERR: bytearray(), _STATUS: bytearray()}
    try:
        for start in range(0, len(stdin), _FRAME):
            socket.send_binary(bytes([_STDIN]) + stdin[start : start + _FRAME])
        if stdin and socket.getsubprotocol() == _V5:
            socket.send_binary(bytes([_CLOSE, _STDIN]))
        while True:
            socket.settimeout(max(0.05, deadline - time.monotonic()))
            opcode, data = socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                break
            if data and data[0] in output and len(output[data[0]]) < _LARGEST_OUTPUT:
                output[data[0]] += data[1:]
            if time.monotonic() > deadline:
                raise websocket.WebSocketTimeoutException
    except websocket.WebSocketTimeoutException:
        raise Transient(f"The command in {refused.what} did not end in time.") from None
    except websocket.WebSocketConnectionClosedException:
        pass  # the server may hang up right after the status
    except (websocket.WebSocketException, OSError) as error:
        raise Transient(f"The connection to {refused.what} broke ({type(error).__name__}).") from None
    return ExecResult(
        exit_code=_exit_code(bytes(output[_STATUS]), refused),
        stdout=output[_STDOUT].decode("utf-8", "replace"),
        stderr=output[_STDERR].decode("utf-8", "replace"),
    )


def _exit_code(status: bytes, refused: Refusal) -> int:
    if not status:
        raise Transient(f"The connection to {refused.what} ended before the command did.")
    answer = json.loads(status)
    if answer.get("status") == "Success":
        return 0
    for cause in (answer.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    # The runtime's words where the command does not exist; a shell says 127 then.
    return 127
