"""`migrate` and `lint` as their users meet them: files, stdin, streams, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from auditor.pipeline.values import BadRequest, ValuesRequest, lint_files
from tests.cli.test_main import run

LAUNCHER = """\
# our values
launcher:
  enabled: true   # the old way
  templateValues:
    pod:
      serviceAccountName: content  # who runs it
sharedStorage: {create: true, mount: true}
"""
RIGHT = "# nothing to do\nsharedStorage: {create: true,   mount: true}\nlauncher:\n    enabled: 'false'\n"


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "values.yaml"
    file.write_text(LAUNCHER)
    return file


def test_the_rewritten_file_goes_to_stdout_and_the_notes_to_stderr(values: Path) -> None:
    done = run("migrate", str(values), "--from", "0.7.4")
    assert done.returncode == 0
    assert "enabled: false   # the old way" in done.stdout
    assert "serviceAccountName: content  # who runs it" in done.stdout
    assert "templateValues" not in done.stdout
    assert f"{values}:6:7: moved: launcher.templateValues.pod.serviceAccountName" in done.stderr
    assert values.read_text() == LAUNCHER


def test_what_a_person_must_decide_ends_with_two(tmp_path: Path) -> None:
    """The direct runner demands storage, and nobody but the admin knows which."""
    file = tmp_path / "values.yaml"
    file.write_text("launcher:\n  enabled: true\n")
    done = run("migrate", str(file), "--chart-name", "rstudio-connect", "--from", "0.7.4")
    assert done.returncode == 2
    assert "decision" in done.stderr
    assert "sharedStorage" in done.stderr
    assert "enabled: false" in done.stdout


@pytest.mark.parametrize("text", ["a: [", "\tb: 1", "- 1\n- 2\n", "a: {{ .Values.x }}"])
def test_unreadable_input_is_a_sentence_with_its_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    for command in ("migrate", "lint"):
        done = run(command, str(file), "--chart-name", "rstudio-connect")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"posit-audit: {file}")
        assert "Traceback" not in done.stderr


def test_a_missing_file_and_an_unknown_version_are_sentences(values: Path) -> None:
    assert "can't be read" in run("lint", str(values) + ".nosuch").stderr
    done = run("migrate", str(values), "--to", "99.0.0")
    assert done.returncode == 1
    assert "99.0.0 (--to) is not in the catalog" in done.stderr
    assert "that is no upgrade" in run("lint", str(values), "--from", "0.21.0", "--to", "0.7.4").stderr


def test_a_chart_that_the_keys_do_not_tell_must_be_named(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("replicas: 2\n")
    done = run("lint", str(file))
    assert done.returncode == 1
    assert "--chart-name" in done.stderr


def test_a_diff_shows_only_what_changes(values: Path) -> None:
    done = run("migrate", str(values), "--from", "0.7.4", "-o", "diff")
    assert done.stdout.startswith(f"--- a{values}\n+++ b{values}\n")
    assert "-  enabled: true   # the old way" in done.stdout


def test_write_replaces_the_file_and_keeps_a_backup(values: Path) -> None:
    done = run("migrate", str(values), "--from", "0.7.4", "--write")
    assert (done.returncode, done.stdout) == (0, "")
    assert "backends:" in values.read_text()
    assert values.with_name("values.yaml.bak").read_text() == LAUNCHER
    again = run("migrate", str(values), "--from", "0.7.4", "--write")
    assert "nothing to change" in again.stderr
    assert not values.with_name("values.yaml.bak.1").exists()


def test_json_tells_everything(values: Path) -> None:
    told = json.loads(run("migrate", str(values), "--from", "0.7.4", "-o", "json").stdout)
    assert told["schema"] == "posit-audit.migrate/v1"
    assert told["changed"] is True
    assert {"name": "content", "namespace": ""} in told["accounts"]


def test_lint_predicts_helm_and_names_the_place(values: Path) -> None:
    done = run("lint", str(values), "--from", "0.7.4", "-o", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["schema"], told["will_fail"]) == (2, "posit-audit.lint/v1", True)
    assert (told["from"], told["to"]) == ("0.7.4", "0.21.0")
    both = next(f for f in told["findings"] if f["effect"] == "fails")
    assert (both["key"], both["file"], both["line"], both["column"]) == ("launcher.enabled", str(values), 3, 3)


def test_lint_passes_what_the_target_renders(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("sharedStorage:\n  create: true\n  mount: true\n")
    done = run("lint", str(file), "--chart-name", "rstudio-connect", "--from", "0.21.0", "--to", "0.21.0")
    assert done.returncode == 0, done.stdout
    assert "Helm would render this" in done.stdout or "Nothing that" in done.stdout


def test_the_threshold_decides_about_the_exit_code(values: Path, tmp_path: Path) -> None:
    assert run("lint", str(values), "--from", "0.7.4", "--exit-zero").returncode == 0
    file = tmp_path / "dropped.yaml"
    file.write_text("sharedStorage: {create: true, mount: true}\nnosuchkey: 1\n")
    arguments = ("lint", str(file), "--chart-name", "rstudio-connect", "--from", "0.21.0")
    assert run(*arguments).returncode == 0
    assert run(*arguments, "--fail-on", "info").returncode == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: {values: {replicas: 1}}\n", "HelmRelease"),
        ("rstudio-connect:\n  replicas: 1\n", "below rstudio-connect"),
    ],
)
def test_values_inside_something_else_are_not_judged_as_if_they_were_none(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    for command in ("migrate", "lint"):
        done = run(command, str(file), "--chart-name", "rstudio-connect")
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr
        assert "a file of their own" in done.stderr


def test_reused_values_need_the_version_whose_defaults_they_keep(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("sharedStorage: {create: true}\n")
    lint = ("lint", str(file), "--chart-name", "rstudio-connect")
    assert run(*lint, "--from", "0.20.13").returncode == 0
    assert run(*lint, "--from", "0.20.13", "--reuse-values").returncode == 2
    refused = run(*lint, "--reuse-values")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--from VERSION" in refused.stderr


def test_several_files_come_out_as_one_stream_whatever_they_end_with(tmp_path: Path) -> None:
    """A mark in the middle of a stream is no YAML, and --- begins a document at the beginning of a line only."""
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml", tmp_path / "three.yaml"]
    for file, content in zip(
        files, (b"replicas: 1", b"\xef\xbb\xbfreplicas: 2\n", "replicas: 3".encode("utf-16")), strict=True
    ):
        file.write_bytes(content)
    done = run("migrate", *map(str, files), "--chart-name", "rstudio-pm", "--from", "0.20.4")
    assert done.returncode == 0
    assert "\ufeff" not in done.stdout
    assert [one["replicas"] for one in yaml.safe_load_all(done.stdout)] == [1, 2, 3]


@pytest.mark.parametrize("output", ["json", "diff"])
def test_write_and_a_form_to_print_contradict_each_other(values: Path, output: str) -> None:
    done = run("migrate", str(values), "--from", "0.7.4", "--write", "-o", output)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"-o {output}" in done.stderr
    assert values.read_text() == LAUNCHER


def test_a_wrong_choice_is_told_in_our_words(values: Path) -> None:
    assert "'-o': 'xml' is not one of" in run("lint", str(values), "-o", "xml").stderr


@pytest.mark.parametrize(("arguments", "says"), [(["-", "-"], "given twice"), ([""], "name of a values file is empty")])
@pytest.mark.parametrize("command", ["lint", "migrate"])
def test_names_that_name_no_file_are_told(command: str, arguments: list[str], says: str) -> None:
    done = run(command, *arguments)
    assert done.returncode == 1
    assert says in done.stderr


def test_a_closed_stdin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(BadRequest, match="stdin is closed"):
        lint_files(ValuesRequest(files=("-",)))


def test_a_key_that_steers_a_terminal_is_shown_escaped(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    values = 'launcher: {enabled: true}\nconfig: {Launcher: {"\\e[2Ja\\nb": 1}}\n"\\e[2J\\nx": 1\n'
    file.write_text(f"sharedStorage: {{create: true}}\n{values}")
    for command in ("lint", "migrate"):
        done = run(command, str(file), "--chart-name", "rstudio-connect", "--from", "0.8.38")
        told = done.stdout if command == "lint" else done.stderr
        assert "\\x1b[" in told
        assert "\x1b" not in told
        assert not [line for line in told.splitlines() if line.startswith(("x", "b:"))]
