"""TLS as Go does it, for requests and for exec: what Go trusts is trusted, and nothing else."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster.connect import connect
from auditor.cluster.reader import Reader
from auditor.errors import ClusterError, Forbidden
from auditor.model.kubernetes import PODS
from auditor.settings import ClusterSettings
from tests.cluster.authorities import Authority, Issued, authority


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each context of Python's as Python from 3.13 on makes it by default, whoever makes it."""
    made: Callable[..., Any] = ssl.SSLContext.__new__

    def new(cls: type[ssl.SSLContext], *arguments: Any, **named: Any) -> Any:
        context = made(cls, *arguments, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl.SSLContext, "__new__", staticmethod(new))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"kind":"Status","message":"User \\"jo\\" cannot get"}'
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(issued: Issued, clients: Path | None = None) -> Iterator[str]:
    """An API server that refuses everything, but only after a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


def ask(tmp_path: Path, way: str, cluster: dict[str, Any], user: dict[str, Any] | None = None) -> None:
    """Raises Forbidden where the handshake went well."""
    file = tmp_path / "kubeconfig"
    content = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user or {"token": "t0ken"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(content))
    reader = Reader(connect(ClusterSettings(kubeconfig=str(file), request_timeout=5)))
    if way == "exec":
        reader.exec("ns", "a", "c", ["true"])
    else:
        reader.get(PODS, "ns", "a")


WAYS = pytest.mark.parametrize("way", ["request", "exec"])


@WAYS
@pytest.mark.usefixtures("strict")
def test_an_old_authority_is_trusted_under_the_strict_flag(tmp_path: Path, old: Authority, way: str) -> None:
    with (
        served(old.issue("server", "IP:127.0.0.1")) as address,
        pytest.raises(Forbidden, match="User 'jo' may not get"),
    ):
        ask(tmp_path, way, {"server": address, "certificate-authority": str(old.certificate)})


@WAYS
@pytest.mark.parametrize(
    ("names", "days", "word"),
    [
        (("IP:127.0.0.1",), -1, "certificate has expired"),
        (("DNS:elsewhere",), 30, "Hostname mismatch|IP address mismatch"),
    ],
    ids=["expired", "wrong-name"],
)
def test_what_is_wrong_is_told_in_openssls_word(
    tmp_path: Path, old: Authority, way: str, names: tuple[str, ...], days: int, word: str
) -> None:
    with (
        served(old.issue("wrong", *names, days=days)) as address,
        pytest.raises(ClusterError, match=rf"^No trusted connection to the API server {address} .*: ({word})"),
    ):
        ask(tmp_path, way, {"server": address, "certificate-authority": str(old.certificate)})


@WAYS
def test_another_authority_is_not_trusted(tmp_path: Path, old: Authority, way: str) -> None:
    other = authority(tmp_path, "other")
    with served(old.issue("server", "IP:127.0.0.1")) as address, pytest.raises(ClusterError, match="local issuer"):
        ask(tmp_path, way, {"server": address, "certificate-authority": str(other.certificate)})


@WAYS
def test_a_server_name_takes_the_place_of_the_address(tmp_path: Path, old: Authority, way: str) -> None:
    cluster = {"certificate-authority": str(old.certificate), "tls-server-name": "api.example"}
    with served(old.issue("named", "DNS:api.example")) as address, pytest.raises(Forbidden):
        ask(tmp_path, way, {"server": address, **cluster})


@WAYS
def test_the_servers_certificate_itself_may_be_the_authority(tmp_path: Path, old: Authority, way: str) -> None:
    """Go takes whatever certificate the kubeconfig names as the end of the chain."""
    issued = old.issue("server", "IP:127.0.0.1")
    inline = base64.b64encode(issued.certificate.read_bytes()).decode()
    with served(issued) as address, pytest.raises(Forbidden):
        ask(tmp_path, way, {"server": address, "certificate-authority-data": inline})


@WAYS
def test_without_verification_there_is_one_warning(
    tmp_path: Path, old: Authority, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(old.issue("server", "DNS:elsewhere")) as address, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Forbidden):
            ask(tmp_path, way, {"server": address, "insecure-skip-tls-verify": True})
    assert caught == []
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "warning" in one]
    assert "certificate is not verified (insecure-skip-tls-verify)" in line


def test_an_authority_beside_no_verification_is_refused_as_by_kubectl(tmp_path: Path, old: Authority) -> None:
    cluster = {"certificate-authority": str(old.certificate), "insecure-skip-tls-verify": True}
    with pytest.raises(ClusterError, match="names an authority and sets insecure-skip-tls-verify"):
        ask(tmp_path, "request", {"server": "https://127.0.0.1:9", **cluster})


@WAYS
def test_a_client_certificate_is_presented_and_in_no_file_afterwards(
    tmp_path: Path, old: Authority, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    client = old.issue("client", "DNS:client")
    user = {
        "client-certificate-data": base64.b64encode(client.certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(client.key.read_bytes()).decode(),
    }
    cluster = {"certificate-authority": str(old.certificate)}
    with served(old.issue("server", "IP:127.0.0.1"), clients=old.certificate) as address, pytest.raises(Forbidden):
        ask(tmp_path, way, {"server": address, **cluster}, user)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("cluster", "user", "words"),
    [
        ({"certificate-authority": "none.crt"}, {}, "none.crt can't be read: No such file or directory"),
        ({"certificate-authority-data": "!"}, {}, "certificate-authority-data in the kubeconfig is not base64"),
        ({"certificate-authority-data": "eA=="}, {}, "The certificate authority can't be used"),
        ({}, {"client-certificate-data": "eA=="}, "has a client certificate and no key"),
        ({}, {"client-certificate-data": "eA==", "client-key-data": "eA=="}, "certificate and its key can't be used"),
    ],
)
def test_what_can_not_be_used_is_a_sentence(
    tmp_path: Path, cluster: dict[str, str], user: dict[str, str], words: str
) -> None:
    with pytest.raises(ClusterError, match=words):
        ask(tmp_path, "request", {"server": "https://127.0.0.1:9", **cluster}, user)


def test_a_locked_key_is_a_sentence_and_asks_nobody(tmp_path: Path, old: Authority) -> None:
    import subprocess

    client = old.issue("client", "DNS:client")
    locked = tmp_path / "locked.key"
    argv = ["openssl", "pkcs8", "-topk8", "-in", str(client.key), "-passout", "pass:x", "-out", str(locked)]
    subprocess.run(argv, check=True)
    user = {"client-certificate": str(client.certificate), "client-key": str(locked)}
    with pytest.raises(ClusterError, match="certificate and its key can't be used"):
        ask(tmp_path, "request", {"server": "https://127.0.0.1:9"}, user)
