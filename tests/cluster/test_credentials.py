"""By what the API server knows us, and how it is renewed."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster.connect import Connection, connect
from auditor.cluster.reader import Reader
from auditor.errors import ClusterError, Forbidden, Unauthorized
from auditor.model.kubernetes import PODS
from auditor.settings import ClusterSettings
from tests.cluster.scripted_api_server import Request, ScriptedApiServer, scripted_api_server

V1 = "client.authentication.k8s.io/v1"


@pytest.fixture
def server() -> Iterator[ScriptedApiServer]:
    with scripted_api_server() as script:
        script.answers = [(200, {}, {"metadata": {"name": "a"}})]
        yield script


def connected(tmp_path: Path, address: str, user: dict[str, Any], **settings: Any) -> Connection:
    file = tmp_path / "kubeconfig"
    content = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(content))
    return connect(ClusterSettings(kubeconfig=str(file), **settings))


def program(tmp_path: Path, script: str, **fields: Any) -> dict[str, Any]:
    file = tmp_path / "login"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": str(file), "interactiveMode": "Never", **fields}}


def gives(token: str, expires: datetime | None = None) -> str:
    status = {"token": token, **({"expirationTimestamp": expires.isoformat()} if expires else {})}
    return f"cat <<X\n{json.dumps({'apiVersion': V1, 'kind': 'ExecCredential', 'status': status})}\nX"


def sent(server: ScriptedApiServer) -> list[str]:
    return [request.headers.get("Authorization", "") for request in server.requests]


def test_a_token_file_is_read_for_each_request(tmp_path: Path, server: ScriptedApiServer) -> None:
    (tmp_path / "token").write_text("one\n")
    reader = Reader(connected(tmp_path, server.address, {"tokenFile": "token", "token": "older"}))
    reader.get(PODS, "ns", "a")
    (tmp_path / "token").write_text("two")
    reader.get(PODS, "ns", "a")
    (tmp_path / "token").unlink()  # just being replaced
    reader.get(PODS, "ns", "a")
    assert sent(server) == ["Bearer one", "Bearer two", "Bearer two"]


def test_basic_and_no_credentials(tmp_path: Path, server: ScriptedApiServer) -> None:
    for user in ({"username": "jo", "password": "p"}, {}):
        Reader(connected(tmp_path, server.address, user)).get(PODS, "ns", "a")
    assert sent(server) == ["Basic am86cA==", ""]


def test_a_programs_token_is_renewed_when_it_has_expired(tmp_path: Path, server: ScriptedApiServer) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    script = f"echo x >> '{tmp_path}/runs'; {gives('t-$(wc -l < ' + str(tmp_path) + '/runs)', past)}"
    reader = Reader(connected(tmp_path, server.address, program(tmp_path, script)))
    reader.get(PODS, "ns", "a")
    reader.get(PODS, "ns", "a")
    assert sent(server) == ["Bearer t-2", "Bearer t-3"]


def test_a_programs_token_that_the_server_refuses_is_renewed_once(tmp_path: Path, server: ScriptedApiServer) -> None:
    """For a request and for exec; what is refused again is told."""

    def answer(request: Request) -> tuple[int, dict[str, str], Any]:
        return (403 if request.headers["Authorization"] == "Bearer t-2" else 401), {}, {}

    script = f"echo x >> '{tmp_path}/runs'; {gives('t-$(wc -l < ' + str(tmp_path) + '/runs)')}"
    server.answers = [answer]
    reader = Reader(connected(tmp_path, server.address, program(tmp_path, script)))
    with pytest.raises(Forbidden):
        reader.get(PODS, "ns", "a")
    assert sent(server) == ["Bearer t-1", "Bearer t-2"]
    (tmp_path / "runs").unlink()
    reader = Reader(connected(tmp_path, server.address, program(tmp_path, script)))
    with pytest.raises(Forbidden):
        reader.exec("ns", "a", "c", ["true"])
    server.answers = [(401, {}, {})]
    with pytest.raises(Unauthorized):
        reader.get(PODS, "ns", "a")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "has apiVersion 'client.*v1alpha1'"),
        ({"interactiveMode": None}, "has no valid interactiveMode"),
        ({"interactiveMode": "Sometimes"}, "has no valid interactiveMode"),
        ({"interactiveMode": "Always"}, "asks at a terminal, and stdin is none"),
        ({"command": "/none", "installHint": "Get it\nat x."}, r"/none can't be run \(No such.*Get it at x\."),
    ],
)
def test_what_kubectl_refuses_to_run_is_a_sentence(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        connected(tmp_path, "http://x", program(tmp_path, gives("t"), **fields))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{}", "does not decode"),
        (json.dumps({"apiVersion": V1, "kind": "E"}), "neither a token nor a certificate"),
        (json.dumps({"apiVersion": V1, "kind": "E", "status": {"clientKeyData": "x"}}), "neither a token nor"),
        (json.dumps({"apiVersion": f"{V1}beta1", "kind": "E", "status": {"token": "s3cret"}}), "answers with apiV"),
        (json.dumps({"apiVersion": V1, "kind": "E", "status": {"token": ["s3cret"]}}), "does not decode"),
    ],
)
def test_what_a_program_gives_amiss_is_a_sentence_without_a_token(tmp_path: Path, said: str, words: str) -> None:
    with pytest.raises(ClusterError, match=words) as caught:
        connected(tmp_path, "http://x", program(tmp_path, f"echo '{said}'"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("user", [{"token": "a\nb"}, {"token": "t", "as": "jo\r\nX: y"}])
def test_nothing_is_smuggled_into_a_header(tmp_path: Path, server: ScriptedApiServer, user: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="control character"):
        Reader(connected(tmp_path, server.address, user)).get(PODS, "ns", "a")
    assert server.requests == []


def test_a_name_that_is_not_ascii_is_sent_as_go_sends_it(tmp_path: Path, server: ScriptedApiServer) -> None:
    reader = Reader(connected(tmp_path, server.address, {"token": "t", "as": "Jörg"}))
    reader.get(PODS, "ns", "a")
    server.answers = [(403, {}, {"message": 'User "t" cannot get'})]
    with pytest.raises(Forbidden, match="User 'Jörg' may not"):
        reader.exec("ns", "a", "c", ["true"])
    for request in server.requests:
        assert request.headers["Impersonate-User"].encode("latin-1").decode() == "Jörg"


def test_who_may_not_impersonate_is_told_so(tmp_path: Path, server: ScriptedApiServer) -> None:
    message = 'users "jo" is forbidden: User "system:x" cannot impersonate resource "users" in API group "" at the'
    server.answers = [(403, {}, {"message": message})]
    reader = Reader(connected(tmp_path, server.address, {"token": "t", "as": "jo"}))
    with pytest.raises(Forbidden, match=r"^User 'system:x' may not impersonate users, as which .*--as jo"):
        reader.get(PODS, "ns", "a")


@pytest.mark.parametrize("user", [{"as-groups": ["a"]}, {"as-uid": "1"}, {"as-user-extra": {"a": ["b"]}}])
def test_groups_without_a_user_are_refused_as_by_kubectl(tmp_path: Path, user: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="and no user"):
        connected(tmp_path, "http://x", {"token": "t", **user})


def test_helm_gets_a_kubeconfig_only_for_what_its_flags_do_not_say(tmp_path: Path) -> None:
    full = {"token": "t", "as": "jo", "as-user-extra": {"a": ["b"]}}
    assert connected(tmp_path, "http://x", full, impersonate="bob").kubeconfig_for_helm() is None
    told = connected(tmp_path, "http://x", full, impersonate_uid="7", impersonate_groups=("g",)).kubeconfig_for_helm()
    assert told is not None
    (user,) = json.loads(told)["users"]
    assert user["user"] == {"token": "t", "as": "jo", "as-uid": "7", "as-groups": ["g"], "as-user-extra": {"a": ["b"]}}


def test_a_program_is_not_run_where_a_certificate_or_token_is_there(tmp_path: Path, server: ScriptedApiServer) -> None:
    user = {**program(tmp_path, "exit 1"), "token": "t"}
    Reader(connected(tmp_path, server.address, user)).get(PODS, "ns", "a")
    assert sent(server) == ["Bearer t"]
    assert (tmp_path / "login").stat().st_mode & stat.S_IXUSR


def oidc(token: str | None = None, **config: str) -> dict[str, Any]:
    told = {"idp-issuer-url": "https://login.example", "client-id": "kubernetes", **config}
    return {"auth-provider": {"name": "oidc", "config": {**told, **({"id-token": token} if token else {})}}}


def id_token(expires: timedelta, **claims: Any) -> str:
    content = {"exp": int((datetime.now(UTC) + expires).timestamp()), **claims}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip('=')}.c2ln"


def test_the_token_of_oidc_is_sent_while_it_is_good(tmp_path: Path, server: ScriptedApiServer) -> None:
    token = id_token(timedelta(minutes=5), name="J\xfcrg ???>>>")
    Reader(connected(tmp_path, server.address, oidc(token))).get(PODS, "ns", "a")
    Reader(connected(tmp_path, server.address, {"token": "first", **oidc(token)})).get(PODS, "ns", "a")
    assert sent(server) == [f"Bearer {token}", "Bearer first"]


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (oidc(id_token(timedelta(seconds=5))), "has expired, and the kubeconfig has no refresh-token"),
        (oidc(id_token(-timedelta(days=1)), **{"refresh-token": "r"}), "has expired, and posit-audit does not renew"),
        (oidc(), "id-token of context 'here' is missing"),
        (oidc("x"), "is no JSON Web Token"),
        (oidc("a.eyJleHAiOiAi.c"), "is no JSON Web Token"),
        (oidc("a.e30.c"), "is no JSON Web Token"),
        (oidc(**{"client-id": ""}), "has no client-id"),
        (
            {"auth-provider": {"name": "gcp", "config": {"access-token": "t"}}},
            "'gcp', which kubectl and Helm no longer",
        ),
        ({"auth-provider": {}}, "which kubectl and Helm no longer"),
        ({**oidc("x"), "exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Never"}}, "an auth-provider and"),
    ],
)
def test_what_an_auth_provider_can_not_give_is_a_sentence(tmp_path: Path, user: dict[str, Any], words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        connected(tmp_path, "https://127.0.0.1:9", user)
