"""The one program that is shipped: what it is made of, and how it runs in images that hold nothing of ours."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.worker import bundle
from tests.worker.ownership_run import ALONE, GID, UID, owners, program

MODULES = sorted(bundle.PACKAGE.glob("*.py"))
LARGEST_CONFIG_MAP = 1024 * 1024
"""Bytes. https://kubernetes.io/docs/concepts/configuration/configmap/#motivation"""
FROM_STDIN = "import sys; exec(compile(sys.stdin.buffer.read({}), 'ownership.py', 'exec'), {{'__name__': '__main__'}})"
OWNER = ("--uid", str(UID), "--gid", str(GID))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_is_for_python_3_8_and_imports_the_standard_library_and_its_siblings_only(module: Path) -> None:
    tree = ast.parse(module.read_text(), feature_version=(3, 8))
    siblings = {path.stem for path in MODULES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names
        if isinstance(node, ast.ImportFrom) and node.level:
            assert (node.level, node.module in siblings) == (1, True), ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            assert str(node.module).split(".")[0] in sys.stdlib_module_names


def test_it_is_its_sources() -> None:
    names = {"SOURCES": {}, "__name__": "bundle"}
    before = list(sys.meta_path)
    try:
        exec(bundle.program(), names)
    finally:
        sys.meta_path[:] = before
    sources = {f"ownership.{path.stem}".removesuffix(".__init__"): path.read_text() for path in MODULES}
    del sources["ownership.__main__"]
    assert names["SOURCES"] == sources


def test_it_is_the_same_each_time_and_has_its_digest() -> None:
    again = "from auditor.worker import bundle; import sys; sys.stdout.buffer.write(bundle.program())"
    made = subprocess.run([sys.executable, "-c", again], capture_output=True, check=True).stdout
    assert made == bundle.program()
    assert bundle.digest() == hashlib.sha256(made).hexdigest()


def test_it_is_small_enough_for_a_config_map_and_plain_text() -> None:
    text = bundle.program().decode()
    assert len(text.encode()) < LARGEST_CONFIG_MAP / 4
    assert text.isascii()
    for module in MODULES:
        assert module.stem == "__main__" or module.read_text() in text


def test_a_source_that_would_end_its_quotes_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in MODULES:
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "odd.py").write_text("text = '''x'''\n")
    monkeypatch.setattr(bundle, "PACKAGE", tmp_path)
    with pytest.raises(ValueError, match=r"odd\.py can't be quoted"):
        bundle.program.__wrapped__()


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_it_runs_where_there_is_nothing_else(tmp_path: Path, way: str) -> None:
    volume, elsewhere, file = tmp_path / "volume", tmp_path / "elsewhere", tmp_path / bundle.NAME
    (volume / "d").mkdir(parents=True)
    (volume / "d" / "f").touch()
    elsewhere.mkdir()
    file.write_bytes(bundle.program())
    start = [str(file)] if way == "file" else ["-c", FROM_STDIN.format(len(bundle.program()))]
    done = subprocess.run(
        [sys.executable, *ALONE, *start, str(volume), *OWNER, "--check"],
        input=bundle.program() if way == "stdin" else b"", capture_output=True, cwd=elsewhere, env={}, check=False,
    )  # fmt: skip
    started, *_, summary = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (2, b"")
    assert summary["seen"] == len(owners(volume))
    version = ".".join(map(str, sys.version_info[:3]))
    assert started == {"event": "started", "tool": "python", "python": sys.executable, "version": version}
    assert not list(elsewhere.iterdir())


def test_every_module_of_it_can_be_imported(tmp_path: Path) -> None:
    """As some are only when something goes wrong."""
    names = [path.stem for path in MODULES if not path.stem.startswith("__")]
    code = f"exec(open({str(program())!r}).read(), {{'__name__': 'bundle'}})\n"
    code += "".join(f"import ownership.{name}\n" for name in names)
    subprocess.run([sys.executable, *ALONE, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")
def test_a_traceback_names_the_module_and_the_line(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    text = bundle.program().decode()
    broken = "        words = self.words\n        folders: list[bytes] = []"
    assert broken in text
    (tmp_path.parent / "broken.py").write_text(text.replace(broken, "        raise ValueError\n", 1))
    done = subprocess.run(
        [sys.executable, *ALONE, str(tmp_path.parent / "broken.py"), str(tmp_path), *OWNER],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    source = (bundle.PACKAGE / "entries.py").read_text()
    line = source[: source.index(broken)].count("\n") + 1
    assert done.returncode == 1
    assert re.search(rf'File "ownership/entries\.py", line {line}, in _block', done.stderr)
