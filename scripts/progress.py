"""Long steps that say what they are doing."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.places import hand_over, make_folder

_REMINDER_SECONDS = 15
_TAIL_LINES = 25


class StepFailedError(Exception):
    """A step of a set-up could not be done; the text says which, why and what to do next."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_step(
    what: str,
    argv: list[str],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    expected: str = "",
) -> None:
    """Run a long command with its output in `log`; a line at the start and about each 15 s.

    `expected` is how long it usually takes, in words. Raises StepFailedError with the log's end.
    """
    hint = f" (usually {expected})" if expected else ""
    say(f"{what}{hint} …")
    started = time.monotonic()
    with log.open("ab") as out:
        hand_over(log)
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=_REMINDER_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    say(f"  … still {what[0].lower()}{what[1:]}, {time.monotonic() - started:.0f} s{hint}")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise StepFailedError(f"{what} failed (exit code {code}). End of its log {log}:\n{tail}")


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock that the kernel lets go of when the process dies, however it dies."""
    make_folder(lock.parent)
    with lock.open("a") as handle:
        hand_over(lock)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that is {what} …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wait_until(check: Callable[[], bool], *, seconds: float, every: float = 0.1) -> bool:
    """True as soon as `check` says so, False when it has not after `seconds`."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
