"""One request to the API server: its path, its retries, and the errors of the way there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import structlog
import urllib3
import urllib3.exceptions
from kubernetes.client import ApiException

from auditor.cluster.connect import Connection
from auditor.cluster.refusal import Refusal
from auditor.cluster.retry import ATTEMPTS, Transient, with_retries
from auditor.cluster.tls import word
from auditor.errors import ApiError, ClusterError, NotFound, Unauthorized
from auditor.model.kubernetes import Resource
from auditor.names.shown import name as shown

log = structlog.get_logger()


def path_of(resource: Resource, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """`/apis/apps/v1/namespaces/x/deployments/y/scale`. Raises NotFound for what can be no object's name: names come
    from values and configuration too, and one with a slash would be the path of something else."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    scope = f"/namespaces/{_segment(namespace)}" if namespace and resource.namespaced else ""
    end = f"/{_segment(name)}" if name else ""
    return f"{root}{scope}/{resource.plural}{end}" + (f"/{subresource}" if subresource else "")


def _segment(name: str) -> str:
    if name in (".", "..") or "/" in name or "%" in name:
        raise NotFound(f"{shown(name)!r} can't be the name of an object, so there is none.")
    return quote(name)


def describe(resource: Resource, namespace: str | None, name: str = "", subresource: str = "") -> str:
    kind = f"{resource.plural}/{subresource}" if subresource else resource.plural
    if name:
        kind = f"{resource.kind}{'/' + subresource if subresource else ''} {shown(name)}"
    if not resource.namespaced:
        return kind
    return f"{kind} in namespace {namespace}" if namespace else f"{kind} in all namespaces"


def refusal(
    connection: Connection, verb: str, resource: Resource, namespace: str | None, name: str = "", subresource: str = ""
) -> Refusal:
    plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    scope = f"-n {namespace}" if namespace and resource.namespaced else "-A" if resource.namespaced else ""
    sub = f" --subresource={subresource}" if subresource else ""
    grant = f"kubectl auth can-i {verb} {plural}{sub} {scope}".strip() + connection.impersonation.flags
    where = f" -n {namespace}" if namespace and resource.namespaced else ""
    read = (
        f"kubectl patch {resource.plural} {shown(name)}{where} --type=merge --patch='{{}}' --dry-run=server"
        if name
        else ""
    )
    return Refusal(connection, verb, describe(resource, namespace, name, subresource), grant, read)


def send(
    connection: Connection,
    method: str,
    path: str,
    refused: Refusal,
    *,
    query: Mapping[str, str] | None = None,
    accept: str = "application/json",
    content_type: str = "application/json",
    body: Any = None,
) -> dict[str, Any]:
    """The decoded answer. Raises the ApiError that the refusal becomes, or ClusterError where no server answers."""
    headers = {"Accept": accept}
    if body is not None:
        headers["Content-Type"] = content_type

    def once() -> dict[str, Any]:
        response = _call(connection, method, path, refused, dict(query or {}), dict(headers), body)
        try:
            answer = json.loads(response.read() or b"{}")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Transient(f"The answer to {refused.verb} {refused.what} broke off.") from error
        except ValueError:
            raise _no_api_server(connection) from None
        finally:
            response.response.release_conn()
        if not isinstance(answer, dict):
            raise _no_api_server(connection)
        return answer

    log.debug("request", method=method, path=shown(path), query=dict(query or {}))
    return with_retries(once)


def stream(
    connection: Connection, path: str, refused: Refusal, *, query: Mapping[str, str], attempts: int = ATTEMPTS
) -> Iterator[bytes]:
    """An answer that is no object, as of a log, bit by bit. Raises Unavailable where it breaks off."""
    log.debug("request", method="GET", path=shown(path), query=dict(query))
    response = with_retries(
        lambda: _call(connection, "GET", path, refused, dict(query), {"Accept": "*/*"}, None), attempts
    )
    try:
        yield from response.response.stream(amt=None, decode_content=True)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Transient(f"The answer to {refused.verb} {refused.what} broke off.") from error
    finally:
        response.response.close()


def _call(
    connection: Connection,
    method: str,
    path: str,
    refused: Refusal,
    query: dict[str, str],
    headers: dict[str, str],
    body: Any,
) -> Any:
    def once() -> Any:
        serialized = connection.api.param_serialize(
            method=method, resource_path=path, query_params=list(query.items()), header_params=headers, body=body
        )
        sent = urllib3.HTTPHeaderDict(serialized[2])
        for name, value in connection.headers():
            sent.add(name, value.encode().decode("latin-1"))  # its bytes, as Go sends them
        return connection.api.call_api(
            *serialized[:2], sent, *serialized[3:], _request_timeout=connection.settings.request_timeout
        )

    try:
        response = once()
        if response.status == Unauthorized.status and connection.renew():
            response.response.drain_conn()
            response = once()
    except ApiException as error:  # the client's word for a failed TLS handshake; an answer's status is looked at below
        raise handshake_failed(connection, error) from None
    except urllib3.exceptions.MaxRetryError as error:
        raise _unreachable(connection, error) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Transient(
            f"The connection to {connection.server} broke while {refused.what} was asked for ({type(error).__name__})."
        ) from None
    if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        return response
    said = response.read()
    response.response.release_conn()
    raise refused.of(response.status, said, response.headers)


def _unreachable(connection: Connection, error: urllib3.exceptions.MaxRetryError) -> Exception:
    reason = error.reason
    if isinstance(reason, urllib3.exceptions.SSLError):
        return handshake_failed(connection, reason)
    through = urllib3.exceptions.ProxyError, urllib3.exceptions.NewConnectionError
    if connection.transport.proxy and isinstance(reason, through):
        return _proxy_failed(connection, getattr(reason, "original_error", reason))
    if isinstance(reason, urllib3.exceptions.ReadTimeoutError | urllib3.exceptions.ProtocolError):
        return Transient(f"The API server {connection.server} did not answer in time.")
    why = getattr(getattr(reason, "__cause__", None), "strerror", None) or type(reason).__name__
    return Transient(
        f"The API server {connection.server} can't be reached: {why}.",
        hint=f"Is it up, and is {connection.context!r} the right context? Check with: {_cluster_info(connection)}",
    )


def _proxy_failed(connection: Connection, error: BaseException) -> ClusterError | ApiError:
    cause = error.__cause__ or error
    why = word(error) or getattr(cause, "strerror", None) or (str(cause) if type(cause) is OSError else "no answer")
    proxy, server = connection.transport.proxy, connection.server
    said = f"The proxy {proxy} on the way to the API server {server} can't be used: {why}."
    hint = "Check proxy-url in the kubeconfig, HTTPS_PROXY and NO_PROXY."
    if word(error):
        return ClusterError(said, hint=f"{hint} Its certificate is trusted by the cluster's certificate-authority.")
    return Transient(said, hint=hint)


def _cluster_info(connection: Connection) -> str:
    file = connection.settings.kubeconfig
    return " ".join(
        [
            "kubectl cluster-info",
            *([f"--kubeconfig {file}"] if file else []),
            *([] if connection.in_cluster else [f"--context {connection.context}"]),
        ]
    )


def handshake_failed(connection: Connection, error: BaseException) -> ClusterError | ApiError:
    """With OpenSSL's word. A proxy or load balancer that is just being restarted closes it half way."""
    said = word(error) or "the TLS handshake failed"
    if "eof" in said.lower():
        return Transient(f"The TLS handshake with the API server {connection.server} broke off.")
    return ClusterError(
        f"No trusted connection to the API server {connection.server} could be made: {said}.",
        hint="Check certificate-authority-data, client certificate and server name in the kubeconfig.",
    )


def _no_api_server(connection: Connection) -> ClusterError:
    return ClusterError(
        f"What answers at {connection.server} is not a Kubernetes API server: it sent something else than an object.",
        hint="Is the address right, and is there a proxy or a login page before it?",
    )
