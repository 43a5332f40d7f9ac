"""The commands that look into a volume from inside a pod. They read names, owners and times; they change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from auditor.inventory.asking import Asker
from auditor.inventory.sight import JobSight, Sight, Tools
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import Owner, WrongOwner, worker_event
from auditor.model.seen import NotSeenError, Unseen
from auditor.worker import bundle

LARGEST_LOOK: Final = 200_000
"""Entries."""
LONGEST_LOOK: Final = 20
"""Seconds in the pod; the connection waits longer."""
_GRACE: Final = 30
_WRONG_FOUND: Final = 2
_SAMPLES: Final = 5

HAS_PYTHON: Final = """
if command -v python3 >/dev/null 2>&1 && python3 -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null
then echo python; else echo posix; fi
"""
"""Says whether the container can run the worker."""
SKIPPED: Final = (
    r"""-name .snapshot -o -name '~snapshot' -o -name .zfs -o -path "$1/lost+found" -o -path "$1/.snapshots" """
    r"""-o -path "$1/aquota.user" -o -path "$1/aquota.group" -o -path "$1/.posit-audit*" """
)
"""find's tests, below $1, for what the worker skips too."""

# $1 is the volume. Nothing but POSIX. What root left in verify/ are license activations of a server that ran as root
# (rstudio/helm, charts/rstudio-pm/templates/post-upgrade-chown-job.yaml).
_TOOLS: Final = (
    HAS_PYTHON
    + """
id -u; id -g
find "$1/verify" -user 0 2>/dev/null | head -n 1
"""
)

# stdin can't be closed before the answer comes, so the program's length says where it ends.
_FROM_STDIN: Final = (
    "import sys; exec(compile(sys.stdin.buffer.read({length}), 'ownership.py', 'exec'), {{'__name__': '__main__'}})"
)

# $1 is the volume, $2:$3 the owner, $4 the limit in seconds, $5 in bytes of output. One walk: a dot for each entry that
# is right, a line for each that is wrong, "end" where find saw everything. `ls -q` keeps a line break in a name from
# ending its line. Nothing but find and what every image has beside it: no awk, no grep. What the worker skips is
# skipped here too.
_FIND: Final = (
    r"""
export LC_ALL=C
run() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }
{
    run "$4" find "$1" -xdev \
        \( """
    + SKIPPED
    + r"""\) -prune \
        -o \( ! -user "$2" -o ! -group "$3" \) -exec ls -ndq {} + \
        -o -exec printf '.%.0s' {} + 2>/dev/null && echo end
} | head -c "$5"
"""
)
_LARGEST_ANSWER: Final = 4 * 1024 * 1024

# All of it in one go, for a pod that lives no longer than this: $6 is the worker's file, $7 the limit in entries. The
# exit code tells nothing: what was said does.
_IN_JOB: Final = (
    "tools() {" + _TOOLS + "}\n"
    'answer=$(tools "$1"); printf "%s\\n--\\n" "$answer"\n'
    'case $answer in\npython*) python3 -I -S "$6" "$1" --uid "$2" --gid "$3" --check --limit "$7" --seconds "$4" ;;\n'
    "*)" + _FIND + ";;\nesac\nexit 0\n"
)
_LISTED: Final = re.compile(r"(\S)\S* +\d+ +(\d+) +(\d+) +\d+(?:, +\d+)? +\S+ +\S+ +\S+ (.*)")


Fail = Callable[[str], NotSeenError]


class InPod:
    """A container to run commands in. Raises NotSeenError where that is refused or does not end."""

    def __init__(self, ask: Asker, namespace: str, pod: str, container: str) -> None:
        self._ask, self._namespace, self.pod, self.container = ask, namespace, pod, container

    def run(self, command: Sequence[str], *, stdin: bytes = b"", good: tuple[int, ...] = (0,)) -> list[str]:
        """Lines of its stdout; any exit code but the `good` ones is a failure."""
        result = self._ask.exec(
            self._namespace, self.pod, self.container, command, stdin=stdin, timeout=LONGEST_LOOK + _GRACE
        )
        if result.exit_code not in good:
            raise self.failure(f"{command[0]} ended with {result.exit_code}")
        return result.stdout.splitlines()

    def failure(self, why: str) -> NotSeenError:
        return NotSeenError(
            Unseen(
                reason=f"The look into the volume from pod {self._namespace}/{self.pod} failed: {why}.",
                how=f"Try: kubectl exec -n {self._namespace} {self.pod} -c {self.container} -- id",
            )
        )


def tools(inside: InPod, path: str) -> Tools:
    return _tools(inside.run(["sh", "-c", _TOOLS, "sh", path]), inside.failure)


def _tools(lines: Sequence[str], failure: Fail) -> Tools:
    try:
        kind, uid, gid, *root = lines
        return Tools(kind == "python", Owner(int(uid), int(gid)), ("verify",) if root else ())
    except ValueError:
        raise failure("its shell gave an answer that makes no sense") from None


def job_command(path: str, program: str, expected: Owner) -> tuple[str, ...]:
    """For a Job's pod that has the volume at `path` and the worker's file at `program`."""
    limits = (str(LONGEST_LOOK), str(_LARGEST_ANSWER), program, str(LARGEST_LOOK))
    return ("sh", "-c", _IN_JOB, "sh", path, str(expected.uid), str(expected.gid), *limits)


def from_job(lines: Sequence[str], path: str, claim: ObjectRef) -> JobSight:
    """From all that its pod wrote. Raises NotSeenError."""

    def failure(why: str) -> NotSeenError:
        how = "Run it again, or look from a running pod with --probe exec."
        return NotSeenError(Unseen(reason=f"The look into {claim} by a Job failed: {why}.", how=how))

    if "--" not in lines:
        raise failure("its pod said nothing")
    end = list(lines).index("--")
    tools = _tools(lines[:end], failure)
    rest = lines[end + 1 :]
    return JobSight(tools, _by_program(rest, failure) if tools.python else _by_find(rest, path, failure))


def with_python(inside: InPod, path: str, expected: Owner) -> Sight:
    """With the worker itself, sent over stdin: in depth, with a stated bound on what it can miss."""
    program = bundle.program()
    owner = ["--uid", str(expected.uid), "--gid", str(expected.gid)]
    limits = ["--limit", str(LARGEST_LOOK), "--seconds", str(LONGEST_LOOK)]
    lines = inside.run(
        ["python3", "-I", "-S", "-c", _FROM_STDIN.format(length=len(program)), path, *owner, "--check", *limits],
        stdin=program,
        good=(0, 1, _WRONG_FOUND),
    )
    return _by_program(lines, inside.failure)


def _by_program(lines: Sequence[str], failure: Fail) -> Sight:
    events = [event for event in map(worker_event, lines) if event]
    summary = next((event for event in reversed(events) if event.get("event") == "summary"), None)
    if summary is None:
        said = next((str(event["message"]) for event in events if event.get("event") == "refusal"), "")
        raise failure(said.rstrip(".") or "the program gave no summary")
    if summary["message"] and summary["seen"] <= 1:
        raise failure(str(summary["message"]).rstrip("."))
    looked = summary["looked"]

    def proven(name: str) -> float | None:
        """A share of one says nothing, and what could not be opened (failures) makes any share a guess."""
        share = looked.get(name)
        return share if share and share < 1 and not summary["failed"] else None

    return Sight(
        seen=summary["seen"],
        wrong=_wrong({owner: (row["count"], row["samples"]) for owner, row in summary["wrong_by_owner"].items()}),
        exhaustive=summary["complete"],
        detectable_share=proven("wrong_entries_share"),
        detectable_directories=proven("wrong_directories_share"),
        estimated=looked.get("estimated_entries"),
    )


def with_find(inside: InPod, path: str, expected: Owner) -> Sight:
    """Where there is no Python: in the order of the directories, so that nothing can be said about what was left."""
    arguments = [path, str(expected.uid), str(expected.gid), str(LONGEST_LOOK), str(_LARGEST_ANSWER)]
    return _by_find(inside.run(["sh", "-c", _FIND, "sh", *arguments]), path, inside.failure)


def _by_find(lines: Sequence[str], path: str, failure: Fail) -> Sight:
    wrong: dict[str, tuple[int, list[str]]] = {}
    right = 0
    for line in lines:
        listed = _LISTED.fullmatch(line.lstrip("."))
        right += len(line) - len(line.lstrip("."))
        if listed:
            kind, uid, gid, name = listed.groups()
            count, samples = wrong.get(f"{uid}:{gid}", (0, []))
            if count < _SAMPLES:
                name = name.partition(" -> ")[0] if kind == "l" else name
                samples = [*samples, name.removeprefix(path).lstrip("/") or "."]
            wrong[f"{uid}:{gid}"] = count + 1, samples
    if not right and not wrong:
        raise failure("find showed nothing")
    seen = right + sum(count for count, _ in wrong.values())
    return Sight(seen, _wrong(wrong), exhaustive=bool(lines) and lines[-1].lstrip(".") == "end")


def _wrong(owners: dict[str, tuple[int, list[str]]]) -> tuple[WrongOwner, ...]:
    """Most first. Owners beyond the worker's bookkeeping come as one row without numbers, which is left out."""
    rows = [
        WrongOwner(owner=Owner(*map(int, name.split(":"))), count=count, samples=tuple(samples))
        for name, (count, samples) in owners.items()
        if ":" in name
    ]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.owner)))
