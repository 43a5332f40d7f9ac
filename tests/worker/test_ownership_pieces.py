"""Pieces of the worker by themselves: what the machine, the kernel or another process says to them is put in."""

# Descriptors and limits are what is at stake here.

from __future__ import annotations

import collections
import contextlib
import errno
import fcntl
import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.worker.ownership import former, machine, mounts, output, pace, record
from auditor.worker.ownership.belief import seal
from auditor.worker.ownership.channels import Channels
from auditor.worker.ownership.exchange import DIRS, FILES, LETTER, MORE, Exchange
from auditor.worker.ownership.former import Former
from auditor.worker.ownership.listing import sort_out
from auditor.worker.ownership.node import Node
from auditor.worker.ownership.output import Output
from auditor.worker.ownership.past import Past
from auditor.worker.ownership.record import Record
from auditor.worker.ownership.siblings import said_last
from auditor.worker.ownership.statx import Births, Table
from auditor.worker.ownership.words import HUNGRY, SEEN, UNKEPT, WANTED, row_of, shared


def files_as(monkeypatch: pytest.MonkeyPatch, module: Any, files: dict[str, str | bytes]) -> None:
    """What the module opens; other files are not there."""

    def opened(path: str, _mode: str = "r") -> Any:
        if path not in files:
            raise FileNotFoundError(errno.ENOENT, "injected")
        content = files[path]
        return io.BytesIO(content) if isinstance(content, bytes) else io.StringIO(content)

    monkeypatch.setattr(module, "open", opened, raising=False)


# -- the machine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        ("max 100000", 6),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("20000 100000", 1),
        ("9900000 100000", 6),
        ("", 6),
    ],
)
def test_no_more_processors_are_used_than_the_container_has(
    monkeypatch: pytest.MonkeyPatch, quota: str, count: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    files_as(monkeypatch, machine, {"/sys/fs/cgroup/cpu.max": quota})
    assert machine.cpus() == count


def test_without_proc_it_goes_by_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    files_as(monkeypatch, machine, {})
    assert machine.boot_id() == f"unknown-{os.getpid()}"
    for uid in (0, 7):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        assert machine.may_chown() == (uid == 0)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ((1024, 1 << 20), 7616),
        ((1024, 2048), 1472),
        ((256, 256), 64),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 7616),
    ],
)
def test_as_many_directories_are_open_as_the_limit_can_be_raised_to(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], most: int
) -> None:
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: raised.append(wanted))
    assert machine.descriptors() == most
    assert raised == ([(min(limits[1], 65536), limits[1])] if limits[0] == 1024 else [])


def test_a_limit_that_may_not_be_raised_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", forbidden)
    assert machine.descriptors() == 1024 - 2 * machine.THREADS_MAX - 64


def test_without_ctypes_everything_is_put_on_disk_and_each_entry_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced = []
    monkeypatch.setitem(sys.modules, "ctypes", None)
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    machine.settle(0)
    assert synced == [True]
    assert Table.where_possible(tmp_path.stat().st_dev) is None
    assert Births.where_possible(0) is None


def test_with_ctypes_one_file_system_is_put_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sync", lambda: pytest.fail("all of them"))
    fd = os.open(tmp_path, os.O_RDONLY)
    machine.settle(fd)
    os.close(fd)


def test_what_was_made_after_a_moment_is_known_and_what_is_not_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    assert Births(0).later(fd, b"file")
    assert not Births(1 << 62).later(fd, b"file")
    assert not Births(0).later(fd, b"none")
    os.close(fd)


MOUNTINFO = rb"""22 1 8:1 / / rw - ext4 /dev/sda rw
30 22 0:40 / /data rw shared:1 - nfs4 server:/export rw
31 30 0:41 / /data/in\040side rw - tmpfs none rw
32 22 0:42 / /database rw - xfs /dev/sdb rw
"""


def test_a_mount_is_the_innermost_that_holds_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    files_as(monkeypatch, mounts, {"/proc/self/mountinfo": MOUNTINFO, "/proc/self/fdinfo/5": "pos:\t0\nmnt_id:\t30\n"})
    assert mounts.mount_of("/data/x") == ("nfs4", "server:/export")
    assert mounts.mount_of("/data/in side/y") == ("tmpfs", "none")
    assert mounts.mount_of("/database") == ("xfs", "/dev/sdb")
    assert mounts.mount_of("/home") == ("ext4", "/dev/sda")
    assert mounts.mounted_below(5, "/data") == {"in side": {"in side"}}


@pytest.mark.parametrize("content", [None, b"", b"22 1 8:1\n", b"22 1 8:1 / / rw - ext4\n"])
def test_where_proc_does_not_tell_nothing_is_known_to_be_mounted(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    files_as(monkeypatch, mounts, {} if content is None else {"/proc/self/mountinfo": content})
    assert mounts.mount_of("/data") == ("", "")
    assert mounts.mounted_below(5, "/data") == {}


# -- threads and processes -----------------------------------------------------------------------------------------


class FakeStack:
    def __init__(self) -> None:
        self.tasks = [1]
        self.busy = 1

    def unpark(self) -> None:
        pass


class FakeWalk:
    def __init__(self) -> None:
        self.stack = FakeStack()
        self.row = row_of(0)
        self.wall = self.cpu = 0.0
        self.waits = 0


class Paced:
    """A pace whose clock, processor time and waits are set by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, processes: int = 1) -> None:
        self.now = self.cpu = 100.0
        self.waits = 0
        monkeypatch.setattr(pace.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pace.time, "process_time", lambda: self.cpu)
        monkeypatch.setattr(pace.resource, "getrusage", lambda _: self)
        self.words = shared(processes)
        self.processes = processes
        self.threads_max = 64
        self.walk = FakeWalk()
        self.pace = pace.Pace(self, self.walk)  # type: ignore[arg-type]

    @property
    def ru_nvcsw(self) -> int:
        return self.waits

    @property
    def wanted(self) -> int:
        return self.words[row_of(0) + WANTED]

    def later(self, *, share: float, seen: int, waits: int) -> int:
        """A second later: the processor's share, how many entries and waits more; what is wanted then."""
        self.now += 1.0
        self.cpu += share
        self.waits += waits
        self.words[row_of(0) + SEEN] += seen
        self.walk.stack.busy = self.wanted
        self.pace.adapt()
        return self.wanted


def test_threads_are_doubled_while_that_brings_more(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = Paced(monkeypatch)
    paced.pace.guessed = True
    assert paced.wanted == 1
    assert paced.later(share=0.1, seen=100, waits=100) == 2
    assert paced.later(share=0.1, seen=200, waits=200) == 4
    assert paced.later(share=0.1, seen=210, waits=210) == 2  # no more came of it
    assert paced.later(share=0.1, seen=210, waits=210) == 2  # for some seconds
    assert [paced.later(share=0.1, seen=210, waits=210) for _ in range(5)] == [2, 2, 2, 2, 4]


def test_threads_that_only_quarrel_are_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = Paced(monkeypatch)
    paced.pace.guessed = True
    paced.words[row_of(0) + WANTED] = 8
    assert paced.later(share=0.9, seen=1000, waits=0) == 6
    assert paced.later(share=0.9, seen=1000, waits=0) == 4
    assert paced.later(share=0.6, seen=1000, waits=0) == 4
    assert paced.later(share=0.1, seen=1000, waits=0) == 4  # it does not wait for the volume


@pytest.mark.parametrize(
    ("wall", "cpu", "waits", "wanted", "guessed"),
    [
        (0.001, 0.0001, 9, 1, False),  # too little to guess from
        (0.01, 0.001, 9, 40, True),
        (0.01, 0.000001, 9, 64, True),  # the most
        (0.01, 0.001, 1, 1, False),  # other programs kept it from the processor
        (0.2, 0.1, 9, 1, True),
    ],
)
def test_the_first_calls_tell_how_many_threads_to_begin_with(
    monkeypatch: pytest.MonkeyPatch, wall: float, cpu: float, waits: int, wanted: int, guessed: bool
) -> None:
    paced = Paced(monkeypatch)
    assert paced.pace.wait() < 0.01
    paced.walk.wall, paced.walk.cpu, paced.walk.waits = wall, cpu, waits
    paced.pace.adapt()
    assert (paced.wanted, paced.pace.guessed) == (wanted, guessed)


def test_a_process_takes_over_what_another_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = Paced(monkeypatch, processes=2)
    paced.words[row_of(1) + WANTED] = 16
    paced.pace.adapt()
    assert (paced.wanted, paced.pace.guessed, paced.pace.wait()) == (16, True, 0.05)


class FakeJob:
    def __init__(self) -> None:
        self.processes = 2
        self.words = shared(2)

    @staticmethod
    def owners_before(_node: Node) -> dict[int, tuple[int, int]]:
        return {}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[FakeJob, Exchange, Exchange, Node]]:
    """A busy process, one that has nothing to do, and a directory of the first."""
    job, channels = FakeJob(), Channels(2)
    job.words[row_of(1) + HUNGRY] = 1
    node = Node(None, "", os.open(tmp_path, os.O_RDONLY), tmp_path.stat().st_ino, 5, None)
    first, second = (Exchange(job, channels, index) for index in (0, 1))  # type: ignore[arg-type]
    yield job, first, second, node
    os.close(node.fd)
    channels.end()
    channels.close()


def test_an_idle_process_gets_half_of_the_oldest_directories(two: tuple[FakeJob, Exchange, Exchange, Node]) -> None:
    job, first, second, node = two
    tasks = collections.deque(
        [(MORE, node, None, None), (DIRS, node, ["a", "b", "c"], None), (DIRS, node, ["d"], None)]
    )
    first.give(tasks)
    assert (list(tasks)[1][2], job.words[row_of(1) + HUNGRY]) == (["c"], 0)
    first.give(tasks)  # nobody is hungry any more
    assert len(tasks) == 3

    received = second.receive()
    assert received is not None
    kind, graft, names, window = received
    assert (kind, names, window, graft.pending, graft.noted) == (DIRS, ["a", "b"], None, 2, True)
    assert (graft.ino, graft.key) == (node.ino, node.key)
    assert os.fstat(graft.fd).st_ino == node.ino
    assert second.receive() is None
    graft.weight, graft.clean = 7, False
    second.answer(graft)
    os.close(graft.fd)
    assert list(first.returned()) == [(node, None, 2, 7, False)]
    second.answer(node)  # of no other process
    assert not list(first.returned())


def test_files_are_given_whole_and_the_last_task_is_kept(two: tuple[FakeJob, Exchange, Exchange, Node]) -> None:
    job, first, second, node = two
    alone: Any = collections.deque([(FILES, node, [b"a", b"b"], None)])
    first.give(alone)
    assert len(alone) == 1
    tasks: Any = collections.deque([(FILES, node, [b"a", b"b"], None), (DIRS, node, ["d"], None)])
    first.give(tasks)
    assert [task[0] for task in tasks] == [DIRS]
    received = second.receive()
    assert received is not None
    assert (received[1].pending, received[2]) == (1, [b"a", b"b"])
    os.close(received[1].fd)
    job.words[row_of(1) + HUNGRY] = 1
    first.give(tasks)
    assert len(tasks) == 1


def test_what_is_too_much_for_one_letter_is_cut(two: tuple[FakeJob, Exchange, Exchange, Node]) -> None:
    _, first, second, node = two
    names = [f"{number:0250}" for number in range(2000)]
    tasks: Any = collections.deque([(DIRS, node, list(names), None)])
    first.give(tasks)
    received = second.receive()
    assert received is not None
    os.close(received[1].fd)
    assert received[2] + tasks[0][2] == names
    assert LETTER / 4 < 250 * len(received[2]) < LETTER


def test_what_no_letter_holds_and_what_the_pool_does_not_take_is_kept(
    two: tuple[FakeJob, Exchange, Exchange, Node],
) -> None:
    job, first, second, node = two
    huge: Any = collections.deque(
        [(FILES, node, [b"%0250d" % number for number in range(900)], None), (MORE, node, None, None)]
    )
    first.give(huge)
    assert (len(huge), second.receive(), job.words[row_of(1) + HUNGRY]) == (2, None, 1)
    first.channels.pool_w.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            first.channels.pool_w.send(b"x")
    tasks: Any = collections.deque([(DIRS, node, ["a", "b"], None)])
    first.give(tasks)
    assert (tasks[0][2], first.away) == (["a", "b"], {})


# -- listings ------------------------------------------------------------------------------------------------------


class Entry:
    def __init__(self, name: str, folder: bool | None) -> None:
        self.name = name
        self.folder = folder

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        assert not follow_symlinks
        if self.folder is None:
            raise PermissionError(errno.EACCES, "injected")
        return self.folder


def test_what_has_no_type_and_no_status_is_looked_at_as_a_file() -> None:
    entries: Any = [Entry("d", folder=True), Entry("unknown", folder=None), Entry("f", folder=False)]
    assert sort_out(entries) == (["d"], ["unknown", "f"])


# -- the record ----------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Record]:
    one = Record(str(tmp_path / "state"), {"v": 1}, shared(1))
    one.open(create=True)
    one.begin()
    yield one
    one.close()


def test_the_first_error_of_any_process_is_kept_and_ends_the_record(
    kept: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.read()
    other = Record(kept.path, kept.header, kept.words)  # another process's
    other.fd = os.dup(kept.fd)
    for one, number in ((kept, errno.EDQUOT), (other, errno.EIO)):
        with monkeypatch.context() as full:
            full.setattr(os, "write", lambda *_, number=number: raise_(OSError(number, "injected")))
            one.write("o 1 0:0 1")
    for one in (kept, other):  # there is room again, but the record has a hole by now
        one.write("o 2 0:0 2")
        one.checkpoint()
        one.checkpoint_end()
    assert (kept.error, other.error, kept.words[UNKEPT], kept.read()) == (True, True, errno.EDQUOT, before)
    other.close()


def raise_(problem: Exception) -> None:
    raise problem


@pytest.mark.parametrize("call", ["checkpoint", "checkpoint_end"])
def test_a_disk_that_does_not_take_a_checkpoint_is_an_error(
    kept: Record, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: raise_(OSError(errno.EIO, "injected")))
    getattr(kept, call)()
    assert (kept.error, kept.words[UNKEPT]) == (True, errno.EIO)


@pytest.mark.parametrize("call", ["checkpoint", "checkpoint_end"])
def test_changes_on_another_file_system_are_on_disk_before_it_says_so(
    kept: Record, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    done: list[object] = []
    monkeypatch.setattr(record, "settle", done.append)
    monkeypatch.setattr(os, "fsync", lambda _: done.append("fsync"))
    kept.foreign, kept.root_fd = True, 77
    getattr(kept, call)()
    assert done == [77, "fsync"]


def test_a_server_without_locks_stops_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: raise_(OSError(errno.ENOLCK, "injected")))
    one = Record(str(tmp_path / "state"), {}, shared(1))
    one.open(create=True)
    one.close()
    assert (tmp_path / "state").exists()


def test_a_record_that_is_not_kept_takes_nothing(tmp_path: Path) -> None:
    none = Record("", {}, shared(1))
    for call in (lambda: none.write("o 1 0:0 1"), none.checkpoint, none.checkpoint_end, none.close):
        call()
    assert (bool(none), none.words[UNKEPT]) == (False, 0)
    gone = Record(str(tmp_path / "gone"), {}, shared(1))
    gone.drop()
    assert gone.path


def test_what_can_not_be_read_has_no_digest(kept: Record) -> None:
    assert seal(kept).startswith("state:")
    os.close(kept.fd)
    assert seal(kept) == ""
    kept.fd = -1


def test_only_ones_own_record_is_asked_whether_it_is_finished(tmp_path: Path, kept: Record) -> None:
    kept.write("e")
    kept.checkpoint()
    assert said_last(kept.path) == "e"
    assert said_last(str(tmp_path / "none")) == ""
    if os.geteuid() == 0:
        os.chown(kept.path, 7, 7)
        assert said_last(kept.path) == ""


def test_the_first_owner_that_was_found_counts_however_many_lines_there_are(
    kept: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former, "BLOCK", 2)
    for directory, owner, inodes in ((3, "1:1", "a+1"), (9, "2:2", "c"), (3, "3:3", "b,2"), (3, "4:4", "f")):
        kept.write(f"o {directory:x} {owner} {inodes}")
    kept.held = kept.read()
    found = Former([(kept, Past())])
    assert len(found.blocks) == 2
    assert found.owners(3) == {10: (1, 1), 11: (1, 1), 13: (3, 3), 15: (4, 4)}
    assert found.owners(9) == {12: (2, 2)}
    assert found.owners(4) == {}


# -- what it says --------------------------------------------------------------------------------------------------


def test_a_log_without_a_reader_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    for stream, broken in ((Closed(), True), (None, True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stdout", stream)
        said = Output()
        said.started()
        said.say({"event": "x"})
        assert said.broken == broken


def test_progress_is_said_once_a_second_with_what_was_done_since(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [50.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: clock[0])
    said = Output()
    for moment, seen in ((50.5, 10), (51.0, 100), (51.9, 150), (53.0, 300)):
        clock[0] = moment
        said.progress({"seen": seen}, "d\udcff", 3)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["seen"], line["per_second"]) for line in lines] == [(100, 100), (300, 100)]
    assert (lines[0]["directory"], lines[0]["threads"]) == ("d\\xff", 3)
