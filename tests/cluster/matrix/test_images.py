"""The ownership worker and its twin in each kind of image that a server may have."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Run, Volume
from tests.matrix import Cell, Table

pytestmark = pytest.mark.cluster

IMAGES: Mapping[str, str] = {
    "python3 on PATH": "python-on-path",
    "only /opt/python/3.14.x": "2026.08.0-ubuntu-24.04",
    "python3 too old": "python-too-old",
    "none, GNU tools": "without-python",
    "none, busybox only": "only-busybox",
}
"""Column -> tag of the stand-in image (scripts/images/images.toml)."""
LOOK_BY_EXEC, LOOK_BY_JOB, RUN, ASIDE, UNDO, KILLED = (
    "look by exec",
    "look by Job",
    "run",
    "run with move-aside",
    "undo",
    "killed and resumed",
)
TABLE = Table(
    name="images",
    title="Owners on a volume, by where the image keeps Python",
    corner="the release's image has Python",
    rows=(LOOK_BY_EXEC, LOOK_BY_JOB, RUN, ASIDE, UNDO, KILLED),
    columns=tuple(IMAGES),
    sample=(
        (LOOK_BY_EXEC, "none, busybox only"),
        (LOOK_BY_JOB, "python3 too old"),
        (RUN, "python3 on PATH"),
        (ASIDE, "none, GNU tools"),
        (UNDO, "only /opt/python/3.14.x"),
        (KILLED, "only /opt/python/3.14.x"),
    ),
)
SERVER = "deploy/pm-rstudio-pm"
RULE = "volume-files-wrong-owner"
RIGHT = "999:999"
_KILL = (Path(__file__).parent / "kill_halfway.py").read_text()
_PLANT = """
import os, sys
root, files = sys.argv[1], int(sys.argv[2])
for number in range(files // 100):
    folder = f"{root}/packages/{number % 5}/{number}"
    os.makedirs(folder)
    for file in range(100):
        os.close(os.open(f"{folder}/{file}", os.O_CREAT | os.O_WRONLY, 0o644))
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    document: dict[str, Any]
    said: str

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        return list(self.document.get("outcomes", []))

    def without_success(self) -> str:
        """Why nothing was done; empty if something was."""
        if {outcome["state"] for outcome in self.outcomes} & {"done", "already"}:
            return ""
        refused = [outcome["message"] for outcome in self.outcomes if outcome["state"] == "refused"]
        held = [held["reason"] for held in self.document.get("held", []) if held["rule"] == RULE]
        blind = [told["reason"] for told in self.document.get("not_told", []) if told["rule"] == RULE]
        return next(iter([*refused, *held, *blind]), "")


class Release:
    """Package Manager with the image of the column, and root's files on its volume."""

    def __init__(self, environment: Mapping[str, str], folder: Path, namespace: str, volume: Volume) -> None:
        self.environment = {**environment, "XDG_STATE_HOME": str(folder / "state"), "NO_COLOR": "1"}
        self.namespace, self.volume = namespace, volume
        self.planted = self.owners()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "auditor", *arguments, "-o", "json"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Ended:
        out, said = process.communicate(timeout=240)
        assert "Traceback" not in said, said
        return Ended(code=process.returncode, document=json.loads(out) if out.strip() else {}, said=said)

    def run(self, *arguments: str) -> Ended:
        return self.end(self.start(*arguments))

    def owners(self) -> dict[str, str]:
        """As the file system has them. What posit-audit itself laid there is left out."""
        listed = self.volume.shell(f"cd '{self.volume.path}' && find . -printf '%U:%G %p\\n'").splitlines()
        rows = [line.partition(" ")[::2] for line in listed]
        return {path: owner for owner, path in rows if not path.startswith("./.posit-audit")}

    def wrong(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for owner in self.planted.values():
            if owner != RIGHT:
                found[owner] = found.get(owner, 0) + 1
        return found

    def fix(self) -> subprocess.Popen[str]:
        """--unsafe: the shell program works only while the server is stopped."""
        return self.start("fix", "-n", self.namespace, "--apply", "--yes", "--unsafe")


@pytest.fixture
def install(
    images: list[str],
    cluster_environment: dict[str, str],
    kubectl: Run,
    helm: Run,
    charts: Any,
    namespace: str,
    local_volume: Callable[..., Volume],
    tmp_path: Path,
) -> Callable[[Cell], Release]:
    """`install(cell)` -> the release that the cell wants, once its server is ready."""

    def run(cell: Cell) -> Release:
        # The kubelet leaves a hostPath's groups alone, whatever fsGroup says: the owners are those that were planted.
        volume = local_volume(namespace, "packages", access_modes=("ReadWriteMany",), kind="hostPath")
        files = 40_000 if cell.row == KILLED else 1_000
        script = _python(_PLANT, volume.path, files)
        script += f"cd '{volume.path}' && chown -R 999:999 packages/1 && chown -R 1234:100 packages/2\n"
        if cell.row in (ASIDE, UNDO):
            script += "mkdir verify && echo activation > verify/key\n"
        volume.shell(script)
        kubectl("create", "secret", "generic", "license", "--from-literal=pm.lic=x", "-n", namespace)
        values = {
            "image": {"tag": IMAGES[cell.column]},
            "sharedStorage": {"mount": True, "name": "packages"},
            "license": {"file": {"secret": "license", "secretKey": "pm.lic"}},
        }
        archive = str(charts.archive("rstudio-pm", "0.20.4"))
        helm("install", "pm", archive, "-n", namespace, "-f", "-", "--wait", "--timeout=180s", input=json.dumps(values))
        return Release(cluster_environment, tmp_path, namespace, volume)

    return run


def _python(script: str, *arguments: object) -> str:
    """For a shell."""
    return f"python3 - {shlex.join(map(str, arguments))} <<'END'\n{script}END\n"


@pytest.mark.parametrize("cell", TABLE.wanted(), ids=str)
def test_owners(cell: Cell, install: Callable[[Cell], Release], kubectl: Run) -> None:
    with cell.kept():
        release = install(cell)
        _TRIED[cell.row](cell, release)
        kubectl("rollout", "status", SERVER, "-n", release.namespace, "--timeout=60s")


def _look(cell: Cell, release: Release) -> None:
    how = "exec" if cell.row == LOOK_BY_EXEC else "job"
    ended = release.run("scan", "-n", release.namespace, f"--probe={how}")
    assert release.owners() == release.planted
    (finding,) = [one for one in ended.document["findings"] if one["rule"] == RULE]
    if finding["result"] == "unknown":
        cell.refused(finding["message"])
        return
    observed = [re.match(r"(\d+:\d+) owns ([\d,]+)", row["observed"]) for row in finding["evidence"]]
    found = {row[1]: int(row[2].replace(",", "")) for row in observed if row}
    assert found == release.wrong()


def _run(cell: Cell, release: Release) -> None:
    ended = release.end(release.fix())
    if why := ended.without_success():
        assert release.owners() == release.planted
        cell.refused(why)
        return
    _assert_done(release, ended)


def _undo(cell: Cell, release: Release) -> None:
    done = release.end(release.fix())
    if why := done.without_success():
        cell.refused(why)
        return
    _assert_done(release, done)
    after = release.owners()
    taken = release.run("undo", "--yes")
    if why := taken.without_success():
        assert release.owners() == after
        cell.refused(why)
        return
    assert taken.code == 0, taken
    assert release.owners() == release.planted


def _killed(cell: Cell, release: Release) -> None:
    fixing = release.fix()
    try:
        changed = int(release.volume.shell(_python(_KILL, release.volume.path, 120)))
    except subprocess.CalledProcessError as problem:
        ended = release.end(fixing)
        if why := ended.without_success():
            assert release.owners() == release.planted
            cell.refused(why)
            return
        pytest.fail(f"{problem.stderr}\n{ended.said}")
    assert 0 < changed < sum(release.wrong().values()), "killed too late"
    ended = release.end(fixing)
    assert not ended.without_success(), ended
    _assert_done(release, ended)


def _assert_done(release: Release, ended: Ended) -> None:
    assert ended.code == 0, ended
    assert ended.outcomes, ended
    assert {outcome["state"] for outcome in ended.outcomes} <= {"done", "already"}, ended
    now = release.owners()
    kept = {path for path in release.planted if not path.startswith("./verify")}
    assert {path: now.get(path) for path in kept} == dict.fromkeys(kept, RIGHT)
    if "./verify" in release.planted:
        assert "./verify" not in now
        (aside,) = [path for path in now if re.fullmatch(r"\./verify\.posit-audit-[^/]+", path)]
        assert f"{aside}/key" in now


_TRIED = {LOOK_BY_EXEC: _look, LOOK_BY_JOB: _look, RUN: _run, ASIDE: _run, UNDO: _undo, KILLED: _killed}
