"""How the cluster room asks: what it retries, what it says when it is refused, and what goes over the wire."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster import retry
from auditor.cluster.connect import Connection, connect
from auditor.cluster.reader import Reader
from auditor.cluster.writer import Writer
from auditor.errors import (
    ApiError,
    ClusterError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotAdmitted,
    NotFound,
    Unauthorized,
    Unavailable,
)
from auditor.model.kubernetes import DEPLOYMENTS, PODS, SECRETS, SERVICE_ACCOUNTS, Access
from auditor.settings import ClusterSettings
from tests.cluster.scripted_api_server import Request, ScriptedApiServer, scripted_api_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApiServer]:
    monkeypatch.setattr(retry._backoff, "multiplier", 0.001)
    monkeypatch.setattr(retry._backoff, "max", 0.002)
    monkeypatch.setattr(retry._backoff, "jitter", 0.001)
    with scripted_api_server() as script:
        yield script


def kubeconfig(tmp_path: Path, address: str, user: Mapping[str, Any] | None = None, current: str = "here") -> str:
    file = tmp_path / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": current,
                "clusters": [{"name": "c", "cluster": {"server": address}}],
                "users": [{"name": "u", "user": user or {"token": "t0ken"}}],
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "posit"}}],
            }
        )
    )
    return str(file)


@pytest.fixture
def connection(server: ScriptedApiServer, tmp_path: Path) -> Connection:
    return connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, server.address), request_timeout=2))


def status(code: int, message: str = "", **headers: str) -> tuple[int, dict[str, str], object]:
    return code, headers, {"kind": "Status", "code": code, "message": message}


def test_the_context_tells_the_current_namespace(connection: Connection) -> None:
    assert (connection.context, connection.namespace, connection.in_cluster) == ("here", "posit", False)


@pytest.mark.parametrize("passing", [status(429, **{"Retry-After": "0"}), status(500), status(503), None])
def test_what_passes_by_itself_is_asked_again(
    server: ScriptedApiServer, connection: Connection, passing: object
) -> None:
    server.answers = [passing, passing, (200, {}, {"metadata": {"name": "a"}})]  # type: ignore[list-item]
    assert Reader(connection).get(PODS, "ns", "a")["metadata"]["name"] == "a"
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up_on(server: ScriptedApiServer, connection: Connection) -> None:
    server.answers = [status(503)]
    with pytest.raises(Unavailable, match="could not get Pod a in namespace ns"):
        Reader(connection).get(PODS, "ns", "a")
    assert len(server.requests) == retry.ATTEMPTS


def test_retry_after_is_honoured_up_to_a_limit(server: ScriptedApiServer, connection: Connection) -> None:
    waits = []
    for asked in ("7", "86400"):
        error = retry.Transient("busy", retry_after=float(asked))
        state = type("State", (), {"outcome": None, "attempt_number": 1})()
        state.outcome = type("Outcome", (), {"exception": lambda self, e=error: e})()
        waits.append(retry._wait(state))
    assert 7 <= waits[0] < 8
    assert retry.LONGEST_WAIT <= waits[1] < retry.LONGEST_WAIT + 1


@pytest.mark.parametrize(
    ("code", "error"),
    [(401, Unauthorized), (403, Forbidden), (404, NotFound), (409, Conflict), (422, Invalid), (400, ApiError)],
)
def test_a_refusal_is_final_and_has_its_own_sentence(
    server: ScriptedApiServer, connection: Connection, code: int, error: type[ApiError]
) -> None:
    server.answers = [status(code, 'User "jo" cannot patch resource' if code == 403 else "because")]
    with pytest.raises(error) as caught:
        Writer(connection).apply(SERVICE_ACCOUNTS, {"metadata": {"namespace": "ns", "name": "a"}})
    assert type(caught.value) is error
    assert len(server.requests) == 1
    assert str(code) in str(caught.value)


def conflict(*causes: object) -> tuple[int, dict[str, str], object]:
    return 409, {}, {"kind": "Status", "code": 409, "message": "Apply failed", "details": {"causes": list(causes)}}


def test_a_conflict_names_fields_and_managers(server: ScriptedApiServer, connection: Connection) -> None:
    """As an API server of 1.34 said it."""
    server.answers = [
        conflict(
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl" with subresource "scale" using apps/v1',
                "field": ".spec.replicas",
            },
            {"reason": "FieldManagerConflict", "message": 'conflict with "a \\"b\\"" using v1', "field": ".data.x"},
        )
    ]
    with pytest.raises(Conflict) as caught:
        Writer(connection).apply(
            SERVICE_ACCOUNTS, {"metadata": {"namespace": "ns", "name": "a"}}, dry_run=True, manager="helm"
        )
    assert caught.value.holders == ((".spec.replicas", "kubectl"), (".data.x", 'a "b"'))
    assert server.requests[0].query == {"fieldManager": "helm", "dryRun": "All"}


@pytest.mark.parametrize("causes", [("text",), ({"message": 5},), ()])
def test_a_conflict_of_another_kind_names_none(
    server: ScriptedApiServer, connection: Connection, causes: tuple[object, ...]
) -> None:
    server.answers = [conflict(*causes)]
    with pytest.raises(Conflict) as caught:
        Writer(connection).apply(SERVICE_ACCOUNTS, {"metadata": {"namespace": "ns", "name": "a"}})
    assert caught.value.holders == ()


def test_a_forbidden_request_tells_the_verb_that_is_missing(server: ScriptedApiServer, connection: Connection) -> None:
    server.answers = [status(403, 'deployments.apps is forbidden: User "jo" cannot list resource "deployments"')]
    with pytest.raises(Forbidden) as caught:
        list(Reader(connection).list(DEPLOYMENTS))
    assert not isinstance(caught.value, NotAdmitted)
    assert "may not list deployments in all namespaces" in caught.value.message
    assert "kubectl auth can-i list deployments.apps -A" in caught.value.hint


def test_what_admission_refuses_is_told_in_its_own_words(server: ScriptedApiServer, connection: Connection) -> None:
    """A grant would not help: the verb is there, and the object is not wanted."""
    server.answers = [status(403, 'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsUser=0')]
    with pytest.raises(NotAdmitted, match=r"does not admit Pod a in namespace ns.*violates PodSecurity") as caught:
        Writer(connection).create(PODS, {"metadata": {"namespace": "ns", "name": "a"}}, dry_run=True)
    assert not caught.value.hint


def test_lists_come_page_by_page(server: ScriptedApiServer, connection: Connection) -> None:
    def page(request: Request) -> tuple[int, dict[str, str], object]:
        token = request.query.get("continue", "")
        follow = {"": "p2", "p2": "p3", "p3": ""}[token]
        return 200, {}, {"metadata": {"continue": follow}, "items": [{"metadata": {"name": token or "p1"}}]}

    server.answers = [page]
    items = list(Reader(connection).list(PODS, "ns", label_selector="a=b"))
    assert [item["metadata"]["name"] for item in items] == ["p1", "p2", "p3"]
    assert {request.query["labelSelector"] for request in server.requests} == {"a=b"}
    assert all(item["kind"] == "Pod" and item["apiVersion"] == "v1" for item in items)


def test_a_list_whose_rest_is_gone_begins_anew_once_and_tells_nothing_twice(
    server: ScriptedApiServer, connection: Connection
) -> None:
    def page(names: str, follow: str = "") -> tuple[int, dict[str, str], object]:
        items = [{"metadata": {"namespace": "ns", "name": name}} for name in names]
        return 200, {}, {"metadata": {"continue": follow}, "items": items}

    gone = status(410, "The provided continue parameter is too old")
    server.answers = [page("ab", "p2"), gone, page("abc", "p2"), page("d")]
    assert [item["metadata"]["name"] for item in Reader(connection).list(PODS, "ns")] == ["a", "b", "c", "d"]
    assert [request.query.get("continue") for request in server.requests] == [None, "p2", None, "p2"]

    server.answers = [page("ab", "p2"), gone, page("abc", "p2"), gone]
    with pytest.raises(Gone, match="too old"):
        list(Reader(connection).list(PODS, "ns"))


def test_a_metadata_only_list_never_asks_for_contents(server: ScriptedApiServer, connection: Connection) -> None:
    server.answers = [(200, {}, {"items": []})]
    list(Reader(connection).list(SECRETS, metadata_only=True))
    assert "as=PartialObjectMetadataList" in server.requests[0].headers["Accept"]


def test_a_table_gives_columns_by_name_on_every_page(server: ScriptedApiServer, connection: Connection) -> None:
    def page(request: Request) -> tuple[int, dict[str, str], object]:
        row = {"cells": ["x", "connect,exporter"], "object": {"metadata": {"namespace": "ns", "name": "x"}}}
        first = {"columnDefinitions": [{"name": "Name"}, {"name": "Containers"}], "metadata": {"continue": "n"}}
        return 200, {}, {"rows": [row], **({} if request.query.get("continue") else first)}

    server.answers = [page]
    rows = list(Reader(connection).table(DEPLOYMENTS))
    assert [row["containers"] for row in rows] == ["connect,exporter"] * 2


def test_impersonation_goes_with_every_request(server: ScriptedApiServer, tmp_path: Path) -> None:
    settings = ClusterSettings(
        kubeconfig=kubeconfig(tmp_path, server.address), impersonate="jo", impersonate_groups=("ops",)
    )
    server.answers = [status(403)]
    with pytest.raises(Forbidden, match="User 'jo' may not"):
        Reader(connect(settings)).get(PODS, "ns", "a")
    with pytest.raises(Forbidden):
        Reader(connect(settings)).exec("ns", "a", "c", ["true"])
    for request in server.requests:
        assert (request.headers["Impersonate-User"], request.headers["Impersonate-Group"]) == ("jo", "ops")


def test_an_access_review_stores_nothing_and_asks_exactly(server: ScriptedApiServer, connection: Connection) -> None:
    server.answers = [(201, {}, {"status": {"allowed": True}})]
    assert Reader(connection).allowed(Access(PODS, ("get",), "exec"), "get", "ns")
    asked = server.requests[0].body["spec"]["resourceAttributes"]
    assert (asked["resource"], asked["subresource"], asked["verb"], asked["namespace"]) == ("pods", "exec", "get", "ns")


def test_a_dry_run_is_marked_on_every_verb(server: ScriptedApiServer, connection: Connection) -> None:
    server.answers = [(200, {}, {})]
    writer = Writer(connection)
    body = {"metadata": {"namespace": "ns", "name": "a"}}
    writer.apply(SERVICE_ACCOUNTS, body, dry_run=True)
    writer.create(SERVICE_ACCOUNTS, body, dry_run=True)
    writer.patch(SERVICE_ACCOUNTS, "ns", "a", body, dry_run=True)
    writer.delete(SERVICE_ACCOUNTS, "ns", "a", uid="u", dry_run=True)
    assert [request.query["dryRun"] for request in server.requests] == ["All"] * 4
    assert server.requests[3].body["preconditions"] == {"uid": "u"}


def test_an_apply_never_takes_a_field_from_another_manager(server: ScriptedApiServer, connection: Connection) -> None:
    server.answers = [(200, {}, {})]
    Writer(connection).apply(SERVICE_ACCOUNTS, {"metadata": {"namespace": "ns", "name": "a"}})
    request = server.requests[0]
    assert request.query == {"fieldManager": "posit-audit"}
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"


def test_nobody_listening_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry._backoff, "max", 0.002)
    connection = connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:9")))
    with pytest.raises(Unavailable, match="can't be reached: Connection refused") as caught:
        Reader(connection).get(PODS, "ns", "a")
    file = connection.settings.kubeconfig
    assert caught.value.hint.endswith(f"kubectl cluster-info --kubeconfig {file} --context here")


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[]", b"null", b"\xff"])
def test_what_is_no_api_server_is_a_sentence(server: ScriptedApiServer, connection: Connection, body: bytes) -> None:
    server.answers = [(200, {}, body)]
    with pytest.raises(ClusterError, match=r"is not a Kubernetes API server.*proxy or a login page"):
        Reader(connection).get(PODS, "ns", "a")


def test_a_handshake_that_breaks_off_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry._backoff, "max", 0.002)
    calls = 0
    with socket.create_server(("127.0.0.1", 0)) as closing:

        def close() -> None:
            nonlocal calls
            while True:
                try:
                    connected, _ = closing.accept()
                except OSError:
                    return
                calls += 1
                connected.recv(1)
                connected.shutdown(socket.SHUT_WR)
                connected.close()

        answering = threading.Thread(target=close, daemon=True)
        answering.start()
        address = f"https://127.0.0.1:{closing.getsockname()[1]}"
        connection = connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, address)))
        with pytest.raises(Unavailable, match="broke"):
            Reader(connection).get(PODS, "ns", "a")
        closing.shutdown(socket.SHUT_RDWR)
    answering.join(5)
    assert calls == retry.ATTEMPTS


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../../nodes/n", "a%2fb"])
def test_a_name_that_is_a_path_leads_nowhere(server: ScriptedApiServer, connection: Connection, name: str) -> None:
    for namespace, secret in (("ns", name), (name, "a")):
        with pytest.raises(NotFound, match="can't be the name of an object"):
            Reader(connection).get(SECRETS, namespace, secret)
    assert server.requests == []


def test_no_kubeconfig_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="There is no kubeconfig at"):
        connect(ClusterSettings(kubeconfig=str(tmp_path / "none")))


def test_an_unknown_context_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no context 'there'") as caught:
        connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, "http://x"), context="there"))
    assert "here" in caught.value.hint


def test_a_kubeconfig_without_a_current_context_names_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"no current context\. Choose one with --context NAME\. It has: here\."):
        connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, "http://x", current="")))


@pytest.mark.parametrize(
    ("command", "words"), [("echo 'sso expired' >&2; exit 3", "returned 3. sso expired"), ("echo '{'", "decode")]
)
def test_a_credential_program_that_fails_ends_the_run_before_anything_is_asked_as_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    program = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", command],
        "interactiveMode": "Never",
    }
    with pytest.raises(ClusterError, match="credential program of context 'here' gave no credentials") as caught:
        connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, "http://x", user={"exec": program})))
    assert words in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_credential_program_is_named(tmp_path: Path) -> None:
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
    with pytest.raises(ClusterError, match="no-such-plugin"):
        connect(ClusterSettings(kubeconfig=kubeconfig(tmp_path, "http://x", user={"exec": program})))


def test_an_empty_variable_is_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for kubectl: the one at home is taken."""
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    Path(kubeconfig(tmp_path, "http://x")).rename(tmp_path / ".kube" / "config")
    assert connect(ClusterSettings()).context == "here"


def test_a_refusal_names_the_user_as_it_was_given(server: ScriptedApiServer, tmp_path: Path) -> None:
    server.answers = [(403, {}, {"message": 'User "Alice@X" cannot list'})]
    config = kubeconfig(tmp_path, server.address)
    with pytest.raises(Forbidden, match=r"^User 'Alice@X' may not get Pod a"):
        Reader(connect(ClusterSettings(kubeconfig=config, impersonate="Alice@X"))).get(PODS, "ns", "a")


@pytest.mark.parametrize("text", ["", "{", "[]", "clusters: 3", "contexts: [a]"])
def test_a_broken_kubeconfig_is_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken"
    file.write_text(text)
    with pytest.raises(
        ClusterError, match=r"broken (has no current context|is not a kubeconfig|is not YAML at line 2, column 1)"
    ):
        connect(ClusterSettings(kubeconfig=str(file)))


def test_outside_a_pod_a_missing_token_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "9")
    with pytest.raises(ClusterError, match="service account can't be used"):
        connect(ClusterSettings())


SAID = 'x "a" is forbidden: admission webhook "w" denied the request: annotation c4nary=S3cr3t'
CAUSES = {"causes": [{"field": "data[c4nary9]", "reason": "FieldValueInvalid", "message": "S3cr3t"}]}


@pytest.mark.parametrize("code", [400, 403, 409, 410, 422, 429, 500])
@pytest.mark.parametrize("details", [{}, CAUSES])
def test_of_an_answer_about_what_is_there_no_free_text_is_repeated(
    code: int, details: dict[str, Any], server: ScriptedApiServer, connection: Connection
) -> None:
    """A webhook or the API server quotes the object, whose annotations and data are not ours to print."""
    body = {"kind": "Status", "code": code, "reason": "Invalid", "message": SAID, "details": details}
    server.answers = [(code, {"Retry-After": "0"}, body)]
    with pytest.raises(ApiError) as caught:
        Writer(connection).patch(SERVICE_ACCOUNTS, "ns", "a", {"metadata": {"labels": {"x": "y"}}})
    assert "c4nary" not in str(caught.value)
    assert "S3cr3t" not in str(caught.value)
    if code == 403:
        assert str(caught.value).endswith(
            ": admission webhook w; its message is withheld, since it can quote what is in the object (403). To read"
            " all that it says, without a change: kubectl patch serviceaccounts a -n ns --type=merge --patch='{}'"
            " --dry-run=server"
        )
    if code == 422:
        assert "as invalid: admission webhook w; its message is withheld" in str(caught.value)


@pytest.mark.parametrize("listed", [{"resources": ["text"]}, {"resources": [{"kind": "Thing"}]}, {"resources": 7}])
def test_an_extension_api_server_that_lists_its_resources_wrongly_is_no_traceback(
    listed: object, server: ScriptedApiServer, connection: Connection
) -> None:
    server.answers = [(200, {}, listed)]
    with pytest.raises(ClusterError, match=r"list of the resources of acme\.example/v1 has an unexpected shape"):
        Reader(connection).resource("acme.example/v1", "Thing")
