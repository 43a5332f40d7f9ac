"""The command line as its users meet it: streams, exit codes and sentences, run as a program."""

from __future__ import annotations

import json
import os
import signal
import socket
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


@pytest.mark.parametrize("command", ["scan", "fix", "preflight"])
@pytest.mark.parametrize("namespace", ["", "Packages", "a/b", "..", "x" * 64])
def test_an_empty_or_impossible_namespace_is_not_every_namespace(command: str, namespace: str) -> None:
    done = run(command, "-n", namespace, "--kubeconfig", "/nonexistent/config")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"'{namespace}' can't be the name of a namespace." in unwrapped(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scan", "-A", "-n", "a"), "leave one of them out"),
        (("fix", "-A", "-n", "a"), "leave one of them out"),
        (("fix", "--watch", "--apply"), "--watch changes and plans nothing"),
        (("fix", "--watch", "--out", "plan.json"), "--watch changes and plans nothing"),
        (("fix", "--watch", "--skip", "a"), "--watch changes and plans nothing"),
        (
            ("fix", "--rule", "a", "--rule", "b"),
            "a plan is narrowed with --only a --only b",
        ),
        (("fix", "--yes"), "--apply is not given"),
        (("fix", "--plan", "plan.json", "--unsafe"), "A kept plan is applied as it is"),
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments, "--kubeconfig", "/nonexistent/config")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in unwrapped(done.stderr)


def unwrapped(text: str) -> str:
    """What stands in the frame of a usage error, on one line."""
    return " ".join(line.strip("│ ") for line in text.splitlines())


def test_an_unknown_rule_is_told_before_a_cluster_is_asked() -> None:
    done = run("scan", "--rule", "license-mising", "--rule", "nosuch", "--kubeconfig", "/nonexistent/config")
    assert done.returncode == 1
    assert done.stderr == (
        "posit-audit: There is no rule 'license-mising', no rule 'nosuch'. Did you mean license-missing? "
        "posit-audit rules lists them.\n"
    )


def test_rules_are_listed_and_each_can_be_explained() -> None:
    listed = json.loads(run("rules", "-o", "json").stdout)
    rule = (listed["rules"] if isinstance(listed, dict) else listed)[0]["id"]
    page = run("explain", rule)
    assert page.returncode == 0, page.stderr
    assert page.stdout.startswith(rule)
    assert "- false asks for no hook." in run("explain", "enable-migrations-misspelled").stdout


def test_nothing_is_coloured_in_a_pipe() -> None:
    assert "\x1b[" not in run("rules").stdout
    assert "\x1b[" not in run("rules", FORCE_COLOR="").stdout


def test_what_a_terminal_can_not_show_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "\u2192.yaml").write_text("launcher: {never: 1}\n", encoding="utf-8")
    done = run("lint", str(tmp_path / "\u2192.yaml"), PYTHONIOENCODING="latin-1", PYTHONUTF8="1")
    assert "Traceback" not in done.stderr
    assert "\\u2192" in done.stdout
    done = run("lint", str(tmp_path / "no\x1b[2J\nsuch.yaml"))
    assert done.returncode == 1
    assert "\x1b" not in done.stderr


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["rules", "--help"])
def test_a_full_disk_is_a_sentence(command: str) -> None:
    done = shell(f"{command} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "posit-audit: stdout: No space left on device.\n")


def test_a_reader_that_has_seen_enough_is_no_error_worth_a_word() -> None:
    done = shell("rules | true; exit ${PIPESTATUS[0]}")
    assert done.stderr == ""
    assert done.returncode in {0, 1}


def test_a_closed_stdout_is_a_sentence() -> None:
    done = shell("rules >&-")
    assert (done.returncode, done.stderr) == (1, "posit-audit: stdout is closed, and the result goes there.\n")


def test_a_closed_stderr_keeps_nothing_from_its_work() -> None:
    done = shell("rules 2>&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m auditor {line}"], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_what_is_under_way_outlives_whoever_read_its_progress(tmp_path: Path) -> None:
    """A pipe on stderr that is closed while a plan is applied must not end it half way."""
    reading, writing = os.pipe()
    os.close(reading)
    speaking = "from auditor.cli.printing import say\nsay('a'); say('b'); print('done')"
    done = subprocess.run(
        [sys.executable, "-c", speaking], cwd=ROOT, stdout=subprocess.PIPE, stderr=writing, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_who_is_asked_has_seen_the_plan_and_stdout_holds_the_result_only() -> None:
    asking = "from auditor.cli.fix import agree\nagree(False, 'The plan.')"
    terminal, ours = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", asking], cwd=ROOT, stdin=ours, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asked:
        os.close(ours)
        os.write(terminal, b"yes\n")
        out, err = asked.communicate(timeout=30)
    os.close(terminal)
    assert (asked.returncode, out, err) == (0, "", "The plan.\nMake these changes? [y/N] ")


def test_ctrl_c_is_a_word_and_130(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}],
            "contexts": [{"name": "here", "context": {"cluster": "c"}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        command = [sys.executable, "-m", "auditor", "scan", "--kubeconfig", str(tmp_path / "config")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as scanning:
            silent.settimeout(30)
            connected, _ = silent.accept()
            with connected:
                scanning.send_signal(signal.SIGINT)
                out, err = scanning.communicate(timeout=30)
    assert (scanning.returncode, out, err) == (130, "", "posit-audit: interrupted.\n")


def test_each_command_is_a_line_in_the_help() -> None:
    commands = run("--help", COLUMNS="160").stdout.partition("Commands")[2]
    lines = [line.strip("│ ") for line in commands.splitlines() if line.startswith("│")]
    assert [line.split()[0] for line in lines] == [
        *("scan", "fix", "undo", "lint", "migrate", "explain", "rules", "preflight", "catalog")
    ]
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours_unless_it_wants_none(environment: dict[str, str], coloured: bool) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    terminal, ours = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "auditor", "explain", "runs-as-root"],
        cwd=ROOT,
        env={**clean, "TERM": "xterm", **environment},
        stdout=ours,
    ) as explaining:
        os.close(ours)
        said = os.read(terminal, 65536)
        explaining.wait(timeout=30)
    os.close(terminal)
    assert said.startswith(b"\x1b[") is coloured


def test_completion_can_be_shown() -> None:
    done = run("--show-completion", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
