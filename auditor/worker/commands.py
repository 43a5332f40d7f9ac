"""Every command line that is run in a pod: looks by exec and by Job, changes and undos, with the program or its twin.

Whatever runs there is in the command itself, except for the program, whose SHA-256 is: who may read the pod can read
what it does, and who may change a ConfigMap can't change what it does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from auditor.worker import bundle
from auditor.worker.ownership.skipped import OUR_PREFIX, SKIP_AT_TOP, SKIP_DIRECTORIES

Mode = Literal["change", "undo"]

VOLUME: Final = "/volume"
PROGRAM_FOLDER: Final = "/posit-audit"
PROGRAM: Final = f"{PROGRAM_FOLDER}/{bundle.NAME}"
SCRATCH: Final = "/scratch"
"""Where the twin keeps its lists: a folder of the pod that nothing else can write to."""
LARGEST_LOOK: Final = 200_000
"""Entries."""
LONGEST_LOOK: Final = 20
"""Seconds in the pod."""
_LARGEST_ANSWER: Final = 4 * 1024 * 1024
_TWIN: Final = ("twin_entries", "twin_run", "twin_record", "twin_undo", "twin_change")


def tools(path: str) -> list[str]:
    """By exec: what the container has (Started), uid, gid, and "verify" entries of root's, a line each."""
    return _shell(f'{_text("find_python", "limits", "tools")}\ntools "$1"', path)


def check(python: str, path: str, uid: int, gid: int) -> tuple[list[str], bytes]:
    """By exec: a look with the program, and what to send over stdin. `python`: as `tools` found it."""
    program = bundle.program()
    limits = ("--limit", str(LARGEST_LOOK), "--seconds", str(LONGEST_LOOK))
    task = (path, "--uid", str(uid), "--gid", str(gid), "--check", *limits)
    return [python, "-I", "-S", "-c", _start(), bundle.digest(), f"stdin:{len(program)}", *task], program


def find(path: str, uid: int, gid: int) -> list[str]:
    """By exec: a look with find."""
    numbers = (str(uid), str(gid), str(LONGEST_LOOK), str(_LARGEST_ANSWER))
    return _shell(f'{_text("listed", "look")}\nlook "$@"', path, *numbers)


def reach(seconds: int, size: int, wishes: Iterable[str]) -> list[str]:
    """By exec: what users can't read. `wishes`: directory, uid and find's tests for the groups, of each."""
    return _shell(_text("find_python", "limits", "listed", "reach"), str(seconds), str(size), *wishes)


def look(uid: int, gid: int, volume: str = VOLUME, program: str = PROGRAM) -> list[str]:
    """By a Job that has the volume and the program mounted."""
    numbers = (str(uid), str(gid), str(LONGEST_LOOK), str(_LARGEST_ANSWER), str(LARGEST_LOOK))
    text = _text("find_python", "limits", "tools", "listed", "look", "look_job")
    return literal(_shell(text, volume, *numbers, _start(), bundle.digest(), program))


def trial() -> list[str]:
    """In a pod without the volume: what the image has (Started)."""
    return literal(_shell(_text("find_python", "limits", "trial")))


def state_of(uid: int, gid: int, *, python: bool) -> str:
    """The name of the record of former owners, at the top of the volume."""
    return f"{OUR_PREFIX}-ownership-{uid}-{gid}.{'state' if python else 'list'}"


def by_program(
    mode: Mode,
    uid: int,
    gid: int,
    *,
    move_aside: Sequence[str] = (),
    records: Sequence[str] = (),
    parts: int = 1,
    volume: str = VOLUME,
    program: str = PROGRAM,
) -> list[str]:
    """By a Job: the program changes or gives back owners. In several parts, each knows its number by the environment
    that `ENVIRONMENT` of the Job sets."""
    state = f"{volume}/{state_of(uid, gid, python=True)}"
    launch = _shell(_text("find_python", "launch"), _start(), bundle.digest(), program)
    command = literal([*launch, volume, "--uid", str(uid), "--gid", str(gid), "--state", state])
    if parts > 1:
        # A record of each Job's own, by which its parts know each other; one undo of the plain name reads them all.
        command[-1] += ".$(JOB_UID)"
    command += literal(_task(mode, move_aside, records))
    return [*command, f"--shard=$(JOB_COMPLETION_INDEX)/{parts}"] if parts > 1 else command


def by_twin(
    mode: Mode,
    uid: int,
    gid: int,
    *,
    move_aside: Sequence[str] = (),
    records: Sequence[str] = (),
    volume: str = VOLUME,
    scratch: str = SCRATCH,
) -> list[str]:
    """By a Job: the twin does the same."""
    state = f"{volume}/{state_of(uid, gid, python=False)}"
    options = ("--uid", str(uid), "--gid", str(gid), "--state", state, "--scratch", scratch)
    # xargs runs parts of the text, so that it has to know itself.
    launch = ["sh", "-c", 'text=$1\nshift\neval "$text"', "sh", twin()]
    return literal([*launch, volume, *options, *_task(mode, move_aside, records)])


@cache
def twin() -> str:
    return _text("limits", *_TWIN)


def programs() -> dict[str, str]:
    """Each shell program whole, by a name for people: what is checked by shellcheck."""
    return {
        "tools": f'{_text("find_python", "limits", "tools")}\ntools "$1"',
        "find": f'{_text("listed", "look")}\nlook "$@"',
        "reach": _text("find_python", "limits", "listed", "reach"),
        "look": _text("find_python", "limits", "tools", "listed", "look", "look_job"),
        "trial": _text("find_python", "limits", "trial"),
        "launch": _text("find_python", "launch"),
        "twin": f"text=$1\n{twin()}",
    }


def literal(words: Iterable[str]) -> list[str]:
    """For the command of a container, where Kubernetes replaces $(NAME) and takes $$ for $."""
    return [re.sub(r"\$(?=[$(])", "$$", word) for word in words]


def _task(mode: Mode, move_aside: Sequence[str], records: Sequence[str]) -> list[str]:
    if mode == "undo":
        return ["--undo", *(f"--record={record}" for record in records)]
    return [f"--move-aside={path}" for path in move_aside]


def _shell(text: str, *arguments: str) -> list[str]:
    return ["sh", "-c", text, "sh", *arguments]


@cache
def _text(*names: str) -> str:
    folder = files("auditor.worker").joinpath("shell")
    return _walk() + "".join(folder.joinpath(f"{name}.sh").read_text(encoding="utf-8") for name in names)


@cache
def _start() -> str:
    return files("auditor.worker").joinpath("start.py").read_text(encoding="utf-8")


@cache
def _walk() -> str:
    """`walk TEST...`: find below the present directory, without what the program leaves alone too."""
    anywhere = " -o ".join(f"-name {shlex.quote(name)}" for name in sorted(SKIP_DIRECTORIES))
    top = [*(f"./{name}" for name in sorted(SKIP_AT_TOP)), f"./{OUR_PREFIX}*"]
    at_top = " -o ".join(f"-path {shlex.quote(path)}" for path in top)
    return (
        "# walk TEST...: find below this directory, without what is left alone (auditor/worker/ownership/skipped.py).\n"
        "walk() {\n    # shellcheck disable=SC2086 # words of a command, or none\n"
        f'    ${{within-}} find . -xdev \\( -type d \\( {anywhere} \\) -o {at_top} \\) -prune -o "$@"\n}}\n'
    )
