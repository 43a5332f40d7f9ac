"""The commands that look into a volume from inside a pod. They read names, owners and times; they change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from auditor.inventory.asking import Asker
from auditor.inventory.sight import JobSight, Sight, Tools
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import Owner, WrongOwner
from auditor.model.seen import NotSeenError, Unseen
from auditor.worker import commands
from auditor.worker.commands import LONGEST_LOOK
from auditor.worker.messages import Looked, Refusal, Started, Summary, decode, messages

_GRACE: Final = 30
_WRONG_FOUND: Final = 2
_SAMPLES: Final = 5

_OWNER: Final = re.compile(r"(\d{1,10}):(\d{1,10})", re.ASCII)
_LISTED: Final = re.compile(r"(\S)\S* +\d+ +(\d{1,10}) +(\d{1,10}) +\d+(?:, +\d+)? +\S+ +\S+ +\S+ (.*)")


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
    return _tools(inside.run(commands.tools(path)), inside.failure)


def _tools(lines: Sequence[str], failure: Fail) -> Tools:
    try:
        first, uid, gid, *root = lines
        user = Owner(int(uid), int(gid))
    except ValueError:
        raise failure("its shell gave an answer that makes no sense") from None
    started = decode(first)
    if not isinstance(started, Started):
        raise failure("its shell gave an answer that makes no sense")
    return Tools(started.python, user, ("verify",) if root else (), started.limits)


def from_job(lines: Sequence[str], claim: ObjectRef) -> JobSight:
    """From all that its pod wrote. Raises NotSeenError."""

    def failure(why: str) -> NotSeenError:
        how = "Run it again, or look from a running pod with --probe exec."
        return NotSeenError(Unseen(reason=f"The look into {claim} by a Job failed: {why}.", how=how))

    if "--" not in lines:
        raise failure("its pod said nothing")
    end = list(lines).index("--")
    tools = _tools(lines[:end], failure)
    rest = lines[end + 1 :]
    return JobSight(tools, _by_program(rest, failure) if tools.python else _by_find(rest, failure))


def with_python(inside: InPod, python: str, path: str, expected: Owner) -> Sight:
    """With the worker itself, sent over stdin: in depth, with a stated bound on what it can miss."""
    command, program = commands.check(python, path, expected.uid, expected.gid)
    return _by_program(inside.run(command, stdin=program, good=(0, 1, _WRONG_FOUND)), inside.failure)


def _by_program(lines: Sequence[str], failure: Fail) -> Sight:
    told = list(messages(lines))
    summary = next((one for one in reversed(told) if isinstance(one, Summary)), None)
    if summary is None:
        said = next((one.message for one in told if isinstance(one, Refusal)), "")
        raise failure(said.rstrip(".") or "the program gave no summary")
    if summary.message and (summary.seen or 0) <= 1:
        raise failure(summary.message.rstrip("."))
    looked = summary.looked or Looked()

    def proven(share: float | None) -> float | None:
        """A share of one says nothing, and what could not be opened (failures) makes any share a guess."""
        return share if share and share < 1 and not summary.failed else None

    return Sight(
        seen=summary.seen or 0,
        wrong=_wrong(
            {name: (row.count or 0, list(row.samples)) for name, row in (summary.wrong_by_owner or {}).items()}
        ),
        exhaustive=summary.complete,
        detectable_share=proven(looked.wrong_entries_share),
        detectable_directories=proven(looked.directories_share),
        estimated=looked.estimated_entries,
    )


def with_find(inside: InPod, path: str, expected: Owner) -> Sight:
    """Where there is no Python: in the order of the directories, so that nothing can be said about what was left."""
    return _by_find(inside.run(commands.find(path, expected.uid, expected.gid)), inside.failure)


def _by_find(lines: Sequence[str], failure: Fail) -> Sight:
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
                samples = [*samples, name.removeprefix("./")]
            wrong[f"{uid}:{gid}"] = count + 1, samples
    if not right and not wrong:
        raise failure("find showed nothing")
    seen = right + sum(count for count, _ in wrong.values())
    return Sight(seen, _wrong(wrong), exhaustive=bool(lines) and lines[-1].lstrip(".") == "end")


def _wrong(owners: dict[str, tuple[int, list[str]]]) -> tuple[WrongOwner, ...]:
    """Most first. Owners beyond the worker's bookkeeping come as one row without numbers, which is left out."""
    rows = [
        WrongOwner(owner=Owner(int(owner[1]), int(owner[2])), count=count, samples=tuple(samples))
        for name, (count, samples) in owners.items()
        if (owner := _OWNER.fullmatch(name))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.owner)))
