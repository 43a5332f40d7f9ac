"""A kubeconfig is read as kubectl reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster.kubeconfig import choose
from auditor.errors import ClusterError
from auditor.model.identity import Impersonation
from auditor.settings import ClusterSettings


def written(file: Path, **content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def cluster(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "cluster": {"server": "https://x", **fields}}


def user(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "user": fields}


def context(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "context": {"cluster": "c", "user": "u", **fields}}


def test_the_first_file_wins_and_missing_ones_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = written(tmp_path / "1", **{"current-context": "a", "contexts": [context("a", namespace="first")]})
    second = written(
        tmp_path / "2",
        **{
            "current-context": "b",
            "contexts": [context("a", namespace="second"), context("b")],
            "clusters": [cluster("c")],
            "users": [user("u", token="right")],
        },
    )
    third = written(tmp_path / "3", clusters=[cluster("c", server="https://y")], users=[user("u", token="wrong")])
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'none'}:{second}::{third}")
    chosen = choose(ClusterSettings())
    assert chosen is not None
    assert (chosen.name, chosen.namespace, chosen.cluster.server) == ("a", "first", "https://x")
    assert chosen.user.token == "right"
    assert choose(ClusterSettings(context="b")).name == "b"  # type: ignore[union-attr]


def test_each_path_counts_from_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"certificate-authority": "ca.crt"}
    written(tmp_path / "a" / "config", clusters=[cluster("c", **files)], contexts=[context("x")])
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "interactiveMode": "Never"}
    fields = {"client-certificate": "u.crt", "client-key": "/abs/u.key", "tokenFile": "../token", "exec": program}
    written(tmp_path / "b" / "config", users=[user("u", **fields)], **{"current-context": "x"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", "a/config:b/config")
    chosen = choose(ClusterSettings())
    assert chosen is not None
    assert chosen.cluster.certificate_authority == str(tmp_path / "a" / "ca.crt")
    told = chosen.user
    assert (told.client_certificate, told.client_key) == (str(tmp_path / "b" / "u.crt"), "/abs/u.key")
    assert told.token_file == str(tmp_path / "b" / "../token")
    assert told.exec is not None
    assert told.exec.command == str(tmp_path / "b" / "login")


def test_a_program_without_a_path_is_looked_for_on_path(tmp_path: Path) -> None:
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login"}
    config = written(
        tmp_path / "c",
        **{"current-context": "x", "contexts": [context("x")], "clusters": [cluster("c")]},
        users=[user("u", exec=program)],
    )
    chosen = choose(ClusterSettings(kubeconfig=str(config)))
    assert chosen is not None
    assert chosen.user.exec is not None
    assert chosen.user.exec.command == "login"


def test_as_a_flag_it_is_one_file(tmp_path: Path) -> None:
    """As for kubectl, whatever its name has in it."""
    config = written(
        tmp_path / "a:b", **{"current-context": "x", "contexts": [context("x", user="")], "clusters": [cluster("c")]}
    )
    assert choose(ClusterSettings(kubeconfig=str(config))) is not None


@pytest.mark.parametrize(
    ("missing", "words"), [("clusters", "has no server for context 'x'"), ("users", "has no user for context 'x'")]
)
def test_what_a_context_names_must_be_there(tmp_path: Path, missing: str, words: str) -> None:
    content: dict[str, Any] = {"clusters": [cluster("c")], "users": [user("u")], missing: []}
    config = written(tmp_path / "c", **{"current-context": "x", "contexts": [context("x")]}, **content)
    with pytest.raises(ClusterError, match=words):
        choose(ClusterSettings(kubeconfig=str(config)))


def test_no_message_holds_what_is_written_there(tmp_path: Path) -> None:
    file = tmp_path / "c"
    for text in ("users: [{name: u, user: {token: [s3cret]}}]", "users: s3cret", "a: 's3cret", "s3cret: [", "s3cret"):
        file.write_text(text)
        with pytest.raises(ClusterError) as caught:
            choose(ClusterSettings(kubeconfig=str(file)))
        assert "s3cret" not in str(caught.value)


FULL = Impersonation(user="jo", groups=("a", "b"), uid="17", extra=(("Dept/X%", ("1", "2")),))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (Impersonation(), FULL),
        (Impersonation(user="bob"), Impersonation(user="bob", groups=("a", "b"), uid="17", extra=FULL.extra)),
        (Impersonation(groups=("c",)), Impersonation(user="jo", groups=("c",), uid="17", extra=FULL.extra)),
        (Impersonation(uid="18"), Impersonation(user="jo", groups=("a", "b"), uid="18", extra=FULL.extra)),
    ],
)
def test_flags_overrule_field_by_field(flags: Impersonation, expected: Impersonation) -> None:
    assert flags.over(FULL) == expected


def test_impersonation_in_headers_and_flags() -> None:
    assert FULL.headers == [
        ("Impersonate-User", "jo"),
        ("Impersonate-Uid", "17"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-Dept%2FX%25", "1"),
        ("Impersonate-Extra-Dept%2FX%25", "2"),
    ]
    assert Impersonation(user="a b", groups=("c",)).flags == " --as 'a b' --as-group c"
