"""Measures the ownership worker against `chown -R` and prints a table of ratios; run as root.

Pairs are measured in turns within one run and their ratios' median is told, since a shared machine's speed drifts. Both
of a pair start with the same cache (warm: the tree was just given back) and a disk at rest (sync). The worker runs with
the Python that runs this file, which needs nothing but the standard library. The file server is stood in for by
scripts/slow_metadata.c, preloaded into both. `--write` puts the table into docs/performance.md.
"""

# Descriptors, lstat and bytes paths are what is at stake here.
# ruff: noqa: PTH116, PTH118

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from auditor.worker import bundle  # noqa: E402  with any Python, installed or not

PAGE = HERE.parent / "docs" / "performance.md"
MARKS = "<!-- ownership: begin -->", "<!-- ownership: end -->"
UID, GID = 54321, 54322
FAKE = HERE / "fake_directories.py"


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    measured: str
    target: str = "none"
    met: bool | None = None
    """None: reported as measured."""


def plant(root: Path, directories: int, files: int) -> None:
    for number in range(directories):
        folder = root / f"{number % 40:02x}" / f"{number:04x}"
        folder.mkdir(parents=True)
        fd = os.open(folder, os.O_RDONLY)
        for i in range(files):
            os.close(os.open(f"package-{i}_1.{i % 7}.tar.gz", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd))
        os.close(fd)


@functools.cache
def program() -> Path:
    """The worker as it is shipped."""
    folder = Path(tempfile.mkdtemp(prefix="bench-ownership-"))
    atexit.register(shutil.rmtree, folder)
    (folder / bundle.NAME).write_bytes(bundle.program())
    return folder / bundle.NAME


def worker(root: Path, *args: object) -> list[str]:
    owner = ["--uid", str(UID), "--gid", str(GID)]
    return [sys.executable, "-I", "-S", str(program()), str(root), *owner, *map(str, args)]


def chown(root: Path, uid: int = UID, gid: int = GID) -> list[str]:
    return ["chown", "-R", f"{uid}:{gid}", str(root)]


def seconds(command: list[str], env: dict[str, str] | None = None) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return time.monotonic() - began


def newest_ctime(root: Path) -> int:
    return max(
        os.stat(os.path.join(folder, name), follow_symlinks=False).st_ctime_ns
        for folder, dirs, files in os.walk(root)
        for name in (".", *dirs, *files)
    )


def all_right(root: Path) -> bool:
    status = (
        os.lstat(os.path.join(folder, name)) for folder, dirs, files in os.walk(root) for name in (".", *dirs, *files)
    )
    return all((s.st_uid, s.st_gid) == (UID, GID) for s in status)


def pairs(root: Path, rounds: int, *, wrong: bool, extra: tuple[object, ...] = ()) -> tuple[float, str]:
    """(median of ours/chown, both medians as text); who goes first changes each round."""
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(rounds):
        for mine in ((True, False), (False, True))[turn % 2]:
            subprocess.run(chown(root, 0, 0) if wrong else chown(root), check=True)
            for path in extra:
                Path(str(path)).unlink(missing_ok=True)
            state = ("--state", extra[0]) if extra else ()
            os.sync()  # else the disk writes on, on the second core, what the giving back has left
            (ours if mine else theirs).append(seconds(worker(root, *state) if mine else chown(root)))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return ratio, f"{statistics.median(ours):.2f} s : {statistics.median(theirs):.2f} s"


def against(place: Path, rounds: int, files: int, earlier: Path) -> list[Row]:
    """The worker against a program that takes the same command line, such as an earlier version of it."""
    root = place / "against"
    plant(root, 2000, files // 2000)
    theirs = [sys.executable, "-I", "-S", str(earlier), *worker(root)[4:]]
    rows = []
    for what, wrong in (("all wrong", True), ("all right", False)):
        times: list[tuple[float, float]] = []
        for turn in range(rounds):
            both = []
            for command in (worker(root), theirs) if turn % 2 else (theirs, worker(root)):
                subprocess.run(chown(root, 0, 0) if wrong else chown(root), check=True)
                os.sync()
                both.append(seconds(command))
            times.append((both[0], both[1]) if turn % 2 else (both[1], both[0]))
        ratio = statistics.median(a / b for a, b in times)
        text = " : ".join(f"{statistics.median(one):.2f} s" for one in zip(*times, strict=True))
        rows.append(
            Row(what=f"{files:,} files, local disk, {what}: against {earlier.name}", measured=f"{ratio:.2f} ({text})")
        )
    shutil.rmtree(root)
    return rows


def local(place: Path, rounds: int, files: int) -> list[Row]:
    root = place / "local"
    plant(root, 2000, files // 2000)
    rows = []
    label = f"{files:,} files in 2,000 directories, local disk"
    for what, wrong, extra in (
        ("all wrong", True, ()),
        ("all wrong, with a state", True, (place / "state",)),
        ("all right", False, ()),
    ):
        ratio, text = pairs(root, rounds, wrong=wrong, extra=extra)
        rows.append(Row(what=f"{label}, {what}", measured=f"{ratio:.2f} ({text})", target="<= 1.0", met=ratio <= 1.0))
    before = newest_ctime(root)
    seconds(worker(root))
    rows.append(
        Row(
            what=f"{label}, all right: ctimes changed",
            measured="none" if newest_ctime(root) == before else "some",
            target="none",
            met=newest_ctime(root) == before,
        )
    )
    shutil.rmtree(root)
    return rows


@contextlib.contextmanager
def all_cores_busy() -> Iterator[None]:
    """With another program: one that only counts, on each core."""
    spinning = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)
    ]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def busy(place: Path, rounds: int, files: int) -> list[Row]:
    """The worker needs more than one core to be as fast as chown: what is left of that if none is free."""
    root = place / "busy"
    plant(root, 2000, files // 2000)
    rows = []
    with all_cores_busy():
        for what, wrong in (("all wrong", True), ("all right", False)):
            ratio, text = pairs(root, rounds, wrong=wrong)
            label = f"{files:,} files in 2,000 directories, local disk, {what}, with every core busy"
            rows.append(Row(what=label, measured=f"{ratio:.2f} ({text})"))
    shutil.rmtree(root)
    return rows


def slow_library(place: Path) -> Path:
    library = place / "slow_metadata.so"
    source = HERE / "slow_metadata.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def slow_environment(library: Path, root: Path, microseconds: int, counts: Path) -> dict[str, str]:
    return dict(
        os.environ,
        LD_PRELOAD=str(library),
        SLOW_ROOT=str(root),
        SLOW_MICROSECONDS=str(microseconds),
        SLOW_COUNTS=str(counts),
    )


def calls(counts: Path) -> int:
    data = counts.read_bytes()
    return sum(int.from_bytes(data[i : i + 8], sys.byteorder) for i in range(0, len(data), 8))


def server(place: Path, rounds: int) -> list[Row]:
    root, counts = place / "server", place / "counts"
    plant(root, 67, 150)
    library = slow_library(place)
    rows = []
    for milliseconds, target in ((1, 20), (5, 40)):
        env = slow_environment(library, root, 1000 * milliseconds, counts)
        times = []
        for _ in range(rounds):
            subprocess.run(chown(root, 0, 0), check=True)
            theirs = seconds(chown(root), env)
            subprocess.run(chown(root, 0, 0), check=True)
            ours = seconds(worker(root), env)
            times.append((theirs / ours, theirs, ours))
        ratio, theirs, ours = sorted(times)[len(times) // 2]
        rows.append(
            Row(
                what=f"10,050 files, {milliseconds} ms added to each metadata call (preloaded library)",
                measured=f"{ratio:.0f} times faster ({ours:.2f} s : {theirs:.1f} s)",
                target=f">= {target} times",
                met=ratio >= target,
            )
        )
    shutil.rmtree(root)
    return rows


def killed(place: Path, points: int) -> list[Row]:
    root, counts, state = place / "killed", place / "counts", place / "state"
    plant(root, 400, 100)
    env = slow_environment(slow_library(place), root, 0, counts)

    def afresh() -> None:
        subprocess.run(chown(root, 0, 0), check=True)
        counts.unlink(missing_ok=True)
        state.unlink(missing_ok=True)

    afresh()
    whole = seconds(worker(root, "--state", state), env)
    once = calls(counts)
    right, worst, dice = 0, 0.0, random.Random(1)
    done = 0
    while done < points:
        afresh()
        process = subprocess.Popen(worker(root, "--state", state), env=env, stdout=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.05, 0.95) * whole)
        process.kill()
        if process.wait() == 0:
            continue  # it was done before the kill: a run after that is a new one
        done += 1
        subprocess.run(worker(root, "--state", state), env=env, stdout=subprocess.DEVNULL, check=True)
        right += all_right(root)
        worst = max(worst, calls(counts) / once)
    shutil.rmtree(root)
    return [
        Row(
            what=f"SIGKILL at {points} random points and resumed: end state right",
            measured=f"{right} of {points}",
            target="all",
            met=right == points,
        ),
        Row(
            what="the same: metadata calls of both runs against one whole run, worst",
            measured=f"{worst:.2f}",
            target="<= 1.15",
            met=worst <= 1.15,
        ),
    ]


def memory(place: Path, millions: tuple[int, ...]) -> list[Row]:
    root = place / "empty"
    root.mkdir(exist_ok=True)
    rows = []
    for shape, directories in (("1,000 directories", 1000), ("one directory", 1)):
        for million in millions:
            files = million * 1_000_000 // directories
            state = place / "state"
            state.unlink(missing_ok=True)
            argv = [sys.executable, "-I", "-S", str(FAKE), str(program()), str(directories), str(files)]
            argv += [str(root), "--uid", str(UID), "--gid", str(GID), "--state", str(state)]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            told = json.loads(done.stderr.splitlines()[-1])
            seen = json.loads(done.stdout.splitlines()[-1])["seen"]
            peak = told["kilobytes"] / 1024
            rows.append(
                Row(
                    what=f"{million} million wrong entries in {shape} (fake directory source), with a state",
                    measured=f"{peak:.0f} MB in all processes, state {state.stat().st_size / 1e6:.1f} MB",
                    target="< 100 MB",
                    met=peak < 100 and seen > million * 1_000_000,
                )
            )
    return rows


_VERDICTS = {True: "met", False: "**missed**", None: ""}


def table(rows: list[Row]) -> str:
    lines = ["| What | Measured | Target | |", "| --- | --- | --- | --- |"]
    lines += [f"| {r.what} | {r.measured} | {r.target} | {_VERDICTS[r.met]} |" for r in rows]
    return "\n".join(lines)


def write(text: str) -> None:
    begin, end = MARKS
    page = PAGE.read_text() if PAGE.exists() else f"# Performance\n\n## Ownership\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--place", type=Path, default=Path(tempfile.gettempdir()), help="a directory on the disk to measure"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", type=int, default=300_000)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--against", type=Path, metavar="FILE", help="compare with this worker alone, and nothing else")
    chosen.add_argument("--only", choices=["local", "busy", "server", "killed", "memory"], action="append")
    parser.add_argument("--write", action="store_true", help="also into docs/performance.md")
    args = parser.parse_args()
    if os.geteuid():
        print("Only root can change owners: run this as root.", file=sys.stderr)
        return 1
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=args.place, prefix="bench-ownership-") as name:
        place = Path(name)
        measures: dict[str, Callable[[], list[Row]]] = {
            "local": lambda: local(place, args.rounds, args.files),
            "busy": lambda: busy(place, args.rounds, args.files),
            "server": lambda: server(place, max(1, args.rounds // 2)),
            "killed": lambda: killed(place, 20),
            "memory": lambda: memory(place, (1, 10)),
        }
        if args.against:
            measures = {"against": lambda: against(place, args.rounds, args.files, args.against)}
        for part in args.only or measures:
            print(f"measuring: {part}", file=sys.stderr)
            rows += measures[part]()
    load = os.getloadavg()[0]
    kernel = ".".join(os.uname().release.split(".")[:2])  # what follows says more of the host than of Linux
    system = f"{os.cpu_count()} cores, load {load:.1f} at the end, Linux {kernel}"
    text = f"{table(rows)}\n\n{system}, Python {platform.python_version()}."
    print(text)
    if args.write:
        write(text)
    return 2 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
