"""Whose the files are that root makes for others, and where clusters run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts import places
from scripts.places import CHECKOUT
from tests import conftest

PERSON = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("POSIT_AUDIT_CACHE", raising=False)
    return tmp_path / "cache"


@needs_root
def test_a_cache_in_a_persons_folder_is_the_persons(cache_home: Path) -> None:
    os.chown(cache_home.parent, PERSON, PERSON)
    made = places.cache("room")
    (made / "archive").write_text("")
    (made / "link").symlink_to("/etc/passwd")
    places.hand_over(made)

    assert owners(cache_home) == {PERSON}
    assert Path("/etc/passwd").stat().st_uid == 0


@needs_root
def test_what_an_outer_sudo_says_is_nothing_to_go_by(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root shell that sudo started names its caller for ever."""
    monkeypatch.setenv("SUDO_UID", str(PERSON))
    monkeypatch.setenv("SUDO_GID", str(PERSON))
    (places.cache("room") / "archive").write_text("")
    places.hand_over(cache_home / "posit-audit")

    assert owners(cache_home) == {0}


@needs_root
def test_a_file_of_a_third_user_is_left_alone(cache_home: Path) -> None:
    os.chown(cache_home.parent, PERSON, PERSON)
    made = places.cache("room")
    (made / "theirs").write_text("")
    os.chown(made / "theirs", PERSON + 1, PERSON + 1)
    places.hand_over(made)

    assert (made / "theirs").stat().st_uid == PERSON + 1


def test_root_works_with_the_cache_that_as_root_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "roots"))
    monkeypatch.setenv("POSIT_AUDIT_CACHE", str(tmp_path / "a person's"))

    assert places.cache("room") == tmp_path / "a person's" / "room"


def _fake(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"uname": "echo Linux", "id": "echo 0", "apt-get": "", "docker": ""}, "local"),
        ({"uname": "echo Linux", "id": "echo 1000", "apt-get": "", "sudo": "", "docker": ""}, "local"),
        ({"uname": "echo Linux", "id": "echo 1000", "apt-get": "", "docker": ""}, "container"),
        ({"uname": "echo Linux", "id": "echo 0", "docker": ""}, "container"),
        ({"uname": "echo Darwin", "id": "echo 501", "sudo": "", "docker": ""}, "container"),
        (
            {"uname": "echo Darwin", "id": "echo 501", "sudo": "", "docker": "exit 1"},
            "local",
        ),  # which says what it needs
    ],
)
def test_clusters_run_in_a_container_only_where_they_have_to(
    there: dict[str, str], chosen: str, tmp_path: Path
) -> None:
    for name, script in there.items():
        _fake(tmp_path, name, script)
    asked = subprocess.run(
        ["/bin/sh", str(CHECKOUT / "scripts" / "provider")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert asked.stdout == f"{chosen}\n"


def test_a_docker_daemon_does_not_change_the_tests_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _fake(tmp_path, "docker", "")
    _fake(tmp_path, "kind", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CLUSTER_PROVIDER", raising=False)
    assert conftest.chosen_kind() == str(conftest.KIND_LOCAL)

    monkeypatch.setenv("CLUSTER_PROVIDER", "kind")
    assert conftest.chosen_kind() == str(tmp_path / "kind")


@pytest.mark.parametrize(("provider", "sentence"), [("kind", "needs kind on PATH"), ("docker", "is 'docker'")])
def test_no_kind_is_ever_fetched(provider: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CLUSTER_PROVIDER", provider)

    with pytest.raises(pytest.UsageError, match=sentence):
        conftest.chosen_kind()


def test_root_gets_neither_the_callers_home_nor_too_short_a_path(tmp_path: Path) -> None:
    """Sudo is a stand-in here, which shows what it was given."""
    _fake(tmp_path, "sudo", 'printf "%s\\n" "$@"')
    _fake(tmp_path, "id", "echo 1000")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": "/home/a person", "PIP_INDEX_URL": "https://u:secret@x"}
    asked = subprocess.run(
        [str(CHECKOUT / "scripts" / "as-root"), "true"], env=environment, capture_output=True, text=True, check=True
    )
    given = asked.stdout.splitlines()

    assert given[0] == "--set-home"
    assert "POSIT_AUDIT_CACHE=/home/a person/.cache/posit-audit" in given
    assert any(word.startswith("PATH=") and "/usr/sbin" in word for word in given)
    assert "PIP_INDEX_URL" in next(word for word in given if word.startswith("--preserve-env=")).replace(
        "=", ","
    ).split(",")
    assert "secret" not in asked.stdout  # sudo logs its arguments
