"""Runs on the node: waits for the pod that changes owners on a volume, and kills it once some are changed and not all.

    python3 - FOLDER SECONDS     prints how many entries were changed

However fast the disk is: once the work has begun, the pod's processes get a hundredth of a second at a time and stand
still while the entries are counted.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

folder, deadline = sys.argv[1], time.monotonic() + float(sys.argv[2])
OWN_MOUNTS = os.readlink("/proc/self/ns/mnt")
MOUNT = "/volume"


def processes() -> dict[int, int]:
    """Those that have the volume where the ownership Job mounts it; number in the pod by number here."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/mnt") == OWN_MOUNTS:
                continue
            with open(f"/proc/{pid}/mountinfo") as mounts:
                rows = [line.split() for line in mounts]
            if any(row[4] == MOUNT and folder.endswith(row[3].lstrip("/")) for row in rows):
                with open(f"/proc/{pid}/status") as status:
                    found[int(pid)] = next(int(line.split()[-1]) for line in status if line.startswith("NSpid"))
        except (OSError, StopIteration):  # it ended, or is none of the node's
            continue
    return found


def tell(number: int) -> None:
    for pid in processes():
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def entries() -> Iterator[str]:
    for directory, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield f"{directory}/{name}"


def owner(path: str) -> tuple[int, int] | None:
    try:
        entry = os.lstat(path)
    except FileNotFoundError:  # moved aside
        return None
    return entry.st_uid, entry.st_gid


def begun() -> bool:
    return any(name.startswith(".posit-audit-ownership") for name in os.listdir(folder)) or any(
        owner(path) != before[path] for path in few
    )


before = {path: owner(path) for path in entries()}
few = list(before)[:: max(1, len(before) // 20)]
while not begun():
    if time.monotonic() > deadline:
        sys.exit("the work did not begin")
    time.sleep(0.002)
try:
    while True:
        tell(signal.SIGSTOP)
        tell(signal.SIGSTOP)  # what was started meanwhile
        changed = sum(owner(path) != was for path, was in before.items())
        if changed:
            break
        if time.monotonic() > deadline:
            sys.exit("nothing was changed")
        tell(signal.SIGCONT)
        time.sleep(0.01)
    first = [pid for pid, inside in processes().items() if inside == 1]
    for pid in first:
        os.kill(pid, signal.SIGKILL)
finally:
    tell(signal.SIGCONT)
print(changed) if first else sys.exit(f"{changed} entries were changed, and no pod was there to be killed")
