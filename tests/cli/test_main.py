"""The command line as its users meet it: streams, exit codes and sentences, run as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "NO_COLOR"}}
    return subprocess.run(
        [sys.executable, "-m", "auditor", *arguments],
        cwd=ROOT,
        env={**clean, "HOME": "/nonexistent", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_version_is_the_packages() -> None:
    from auditor import __version__

    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"posit-audit {__version__}\n")


def test_without_a_command_the_help_is_shown() -> None:
    done = run()
    assert "Commands" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "--kubeconfig", "/nonexistent/config"),
        ("fix", "--kubeconfig", "/nonexistent/config"),
        ("scan",),
    ],
)
def test_no_kubeconfig_is_one_sentence_on_stderr(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("posit-audit: There is no kubeconfig at ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("scan", "--nosuch"), ("nosuch",), ("scan", "--fail-on", "never"), ("explain",)])
def test_a_wrong_flag_is_no_finding(arguments: tuple[str, ...]) -> None:
    """2 says that something was found; a mistake on the command line must not look like it."""
    done = run(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_an_unknown_rule_is_told_before_a_cluster_is_asked() -> None:
    done = run("scan", "--rule", "nosuch", "--kubeconfig", "/nonexistent/config")
    assert done.returncode == 1
    assert "There is no rule 'nosuch'" in done.stderr


def test_rules_are_listed_and_each_can_be_explained() -> None:
    listed = json.loads(run("rules", "-o", "json").stdout)
    rule = (listed["rules"] if isinstance(listed, dict) else listed)[0]["id"]
    page = run("explain", rule)
    assert page.returncode == 0, page.stderr
    assert page.stdout.startswith(rule)


def test_nothing_is_coloured_in_a_pipe() -> None:
    assert "\x1b[" not in run("rules").stdout
    assert "\x1b[" not in run("rules", FORCE_COLOR="").stdout


def test_completion_can_be_shown() -> None:
    done = run("--show-completion", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
