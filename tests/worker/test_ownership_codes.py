"""What programs decide by: the codes of refusals and summaries. docs/worker.md lists them."""

from __future__ import annotations

import ast
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.worker import bundle
from tests.worker.ownership_run import ALONE, GID, UID, Run, alone, command, edited, owners, program
from tests.worker.test_bundle import FROM_STDIN

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")


def codes_of(module: Path) -> Iterator[str]:
    """The first argument of each Trouble, and of each pair (code, sentence) that is returned."""
    for node in ast.walk(ast.parse(module.read_text())):
        first: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Trouble", "Unrelated"):
            first = node.args[0]
        elif (
            isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and module.stem in ("refusal", "report")
        ):
            first = node.value.elts[0]
        if isinstance(first, ast.Constant) and first.value:
            yield first.value


def test_the_page_lists_every_code_and_no_other() -> None:
    page = (ROOT / "docs" / "worker.md").read_text()
    listed = {
        code
        for table in re.findall(r"^\| `code` \| meaning \|\n(.*?)\n\n", page, re.MULTILINE | re.DOTALL)
        for code in re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    }
    assert listed == {code for module in bundle.PACKAGE.glob("*.py") for code in codes_of(module)}


# -- refusals ------------------------------------------------------------------------------------------------------


def gone(_tree: Path, state: Path, record: str) -> tuple[object, ...]:
    state.unlink()
    return ("--undo", "--record", record)


def no_record(_tree: Path, state: Path, _record: str) -> tuple[object, ...]:
    state.unlink()
    return ("--undo",)


def changed(_tree: Path, state: Path, record: str) -> tuple[object, ...]:
    state.write_bytes(state.read_bytes()[:-1])
    return ("--undo", "--record", record)


def open_to_the_group(_tree: Path, state: Path, _record: str) -> tuple[object, ...]:
    state.chmod(0o660)
    return ("--undo",)


def open_to_all(_tree: Path, state: Path, _record: str) -> tuple[object, ...]:
    state.chmod(0o602)
    return ()


def of_another_owner(_tree: Path, _state: Path, _record: str) -> tuple[object, ...]:
    return ("--uid", 5, "--gid", 5)


def no_record_at_all(_tree: Path, state: Path, _record: str) -> tuple[object, ...]:
    state.write_text("hello\n")
    return ()


def behind_a_link(_tree: Path, state: Path, _record: str) -> tuple[object, ...]:
    state.rename(state.with_name("other"))
    state.symlink_to("other")
    return ("--undo",)


def both(_tree: Path, _state: Path, _record: str) -> tuple[object, ...]:
    return ("--undo", "--check")


def no_volume(tree: Path, _state: Path, _record: str) -> tuple[object, ...]:
    tree.rename(tree.with_name("elsewhere"))
    return ()


@pytest.mark.parametrize(
    ("situation", "code"),
    [
        (gone, "record-gone"),
        (no_record, "nothing-to-undo"),
        (changed, "record-changed"),
        (open_to_the_group, "record-open"),
        (open_to_all, "record-open"),
        (of_another_owner, "other-run"),
        (no_record_at_all, "not-a-record"),
        (behind_a_link, "not-a-record"),
        (both, "bad-arguments"),
        (no_volume, "not-a-volume"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_run_that_can_not_start_says_why_and_changes_nothing(
    tmp_path: Path, situation: Callable[[Path, Path, str], tuple[object, ...]], code: str
) -> None:
    tree, state = tmp_path / "volume", tmp_path / "state"
    tree.mkdir()
    (tree / "f").touch()
    (record,) = alone(tree, "--state", state).summary["records"]
    arguments = situation(tree, state, record)
    before = owners(tmp_path)
    run = alone(tree, "--state", state, *arguments)
    assert (run.code, run.refusal["code"], [line["event"] for line in run.lines]) == (1, code, ["started", "refusal"])
    assert run.refusal["message"].endswith((".", "again")), run.refusal
    assert owners(tmp_path) == before


def test_a_record_that_another_run_uses(tmp_path: Path) -> None:
    tree, state = tmp_path / "volume", tmp_path / "state"
    tree.mkdir()
    alone(tree, "--state", state)
    with state.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = alone(tree, "--state", state, change=edited(("LOCK_WAIT = 10.0", "LOCK_WAIT = 0.1")))
    assert (run.code, run.refusal["code"]) == (1, "in-use")


# -- summaries -----------------------------------------------------------------------------------------------------

NO_CHOWN = "import os\ndef no(*a, **k): raise OSError({}, 'injected')\nos.chown = os.fchown = no\n"


def as_mounted(kind: str) -> str:
    first = "def mount_of(path: str) -> tuple[str, str]:\n"
    return edited((first, f"{first}    return {kind!r}, 'source'\n"))


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        ("nfs4", errno.EPERM, "root-squash"),
        ("cifs", errno.EPERM, "fixed-owners"),
        ("fuse.sshfs", errno.EPERM, "fixed-owners"),
        ("ext4", errno.EPERM, "refused"),
        ("", errno.EPERM, "refused"),
        ("nfs4", errno.EROFS, "read-only"),
    ],
)
def test_a_volume_that_lets_nothing_change(tree: Path, kind: str, number: int, code: str) -> None:
    run = alone(tree, change=as_mounted(kind) + NO_CHOWN.format(number))
    assert (run.code, run.summary["code"], run.summary["reason"]) == (1, code, "every change was refused")


def test_a_run_without_the_capability(tree: Path) -> None:
    done = subprocess.run(["setpriv", "--bounding-set", "-chown", *command(tree)], capture_output=True, check=False)
    assert json.loads(done.stdout.splitlines()[-1])["code"] == "no-capability"


def test_a_summary_without_a_message_has_no_code(tree: Path) -> None:
    run = alone(tree)
    assert (run.summary["message"], "code" in run.summary) == (None, False)


def failing(tree: Path, *args: object, call: str, name: str, number: int) -> Run:
    change = (
        f"import os\nreal = os.{call}\ndef broken(name, *a, **k):\n"
        f"    if name in ({name!r}, {name.encode()!r}): raise OSError({number}, 'injected')\n"
        f"    return real(name, *a, **k)\nos.{call} = broken"
    )
    return alone(tree, *args, change=change)


def test_one_file_that_can_not_be_changed_or_checked(tree: Path) -> None:
    for path in tree.glob("[1-6]/*/f1"):
        path.unlink()
    for path in tree.glob("0/d[!0]*/f1"):
        path.unlink()
    run = failing(tree, call="chown", name="f1", number=errno.EIO)
    assert (run.code, run.summary["code"]) == (1, "failed")
    assert run.summary["message"].startswith("1 file could not be changed.")
    run = failing(tree, "--check", call="open", name="d3", number=errno.EIO)
    assert (run.code, run.summary["code"]) == (2, "failed")
    assert run.summary["message"].startswith("1 file could not be checked.")


def test_a_record_that_is_not_kept(tree: Path, tmp_path: Path) -> None:
    run = alone(tree, "--state", tmp_path / "none" / "state")
    assert (run.code, run.summary["code"], run.summary["changed"]) == (1, "record-not-kept", len(owners(tree)))


def test_a_look_without_root() -> None:
    """The program comes through stdin, since its file is root's as well."""
    volume = Path(tempfile.mkdtemp())
    try:
        (volume / "closed" / "inside").mkdir(parents=True)
        volume.chmod(0o755)
        for path in (volume, volume / "closed"):
            os.chown(path, UID, GID)
        (volume / "closed").chmod(0o700)
        text = bundle.program()
        as_other = ["setpriv", "--reuid", "1234", "--clear-groups"]
        # The tests' own Python may be in a folder that is root's alone.
        starts = [[*as_other, python, *ALONE, "-c"] for python in (sys.executable, "/usr/bin/python3")]
        usable = [
            start for start in starts if not subprocess.run([*start, ""], capture_output=True, check=False).returncode
        ]
        if not usable:
            pytest.skip("no Python that another user may run")
        done = subprocess.run(
            [*usable[0], FROM_STDIN.format(len(text)), str(volume), "--uid", str(UID), "--gid", str(GID), "--check"],
            input=text, capture_output=True, check=False,
        )  # fmt: skip
        summary = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode, summary["code"], summary["failures"]["EACCES"]["count"]) == (1, "unreadable", 1)
        assert summary["message"].startswith("UID 1234 can't read")
    finally:
        shutil.rmtree(volume)


# -- records elsewhere ---------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """On another file system than the tests' own."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("ctypes", [True, False])
def test_a_record_on_another_file_system_resumes_and_undoes_too(tree: Path, elsewhere: Path, ctypes: bool) -> None:
    change = "pass" if ctypes else "import sys\nsys.modules['ctypes'] = None"
    state = elsewhere / "state"
    assert alone(tree, "--state", state, change=change).code == 0
    assert set(owners(tree).values()) == {(UID, GID)}
    # Its clock says nothing about when files of the volume were made.
    os.utime(state, (1, 1))
    assert alone(tree, "--state", state, "--undo", change=change).code == 0
    assert set(owners(tree).values()) == {(0, 0)}


def test_the_program_is_the_shipped_one() -> None:
    if "COVERAGE_PROCESS_CONFIG" not in os.environ:
        assert program().read_bytes() == bundle.program()
