"""What the walk does if directories and files are closed, moved, replaced or gone under its hands."""

# Descriptors and bytes paths are what is at stake here.

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.worker.ownership import descriptors
from auditor.worker.ownership.arguments import arguments
from auditor.worker.ownership.channels import Channels
from auditor.worker.ownership.job import Job
from auditor.worker.ownership.listing import checksum, skip_claimed
from auditor.worker.ownership.node import Node
from auditor.worker.ownership.owners import Owners
from auditor.worker.ownership.sample import Sample
from auditor.worker.ownership.siblings import records_in
from auditor.worker.ownership.tally import Tally
from auditor.worker.ownership.walk import Walk
from tests.worker.ownership_run import GID, ONE_THREAD, UID, alone, owners

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")


def started(root: Path, *args: str) -> tuple[Job, Channels, Walk]:
    job = Job(arguments([str(root), "--uid", str(UID), "--gid", str(GID), *args]))
    channels = Channels(job.processes)
    return job, channels, Walk(job, channels, 0)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    job, channels, one = started(tmp_path)
    yield one
    one.close()
    channels.end()
    channels.close()
    job.close()


def chain(walk: Walk, root: Path) -> list[Node]:
    """Nodes of ROOT, a, a/b and a/b/c, of which only ROOT is open."""
    top = walk.top()
    top.fd = os.open(root, os.O_RDONLY)
    walk.descriptors.keep(top)
    nodes = [top]
    for name in "abc":
        below = root.joinpath(*"abc"[: "abc".index(name) + 1])
        nodes.append(Node(nodes[-1], name, -1, below.stat().st_ino, 0, None))
    return nodes


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


# -- descriptors ---------------------------------------------------------------------------------------------------


def test_a_closed_directory_is_opened_again_through_those_above(walk: Walk, tmp_path: Path) -> None:
    top, a, _, c = chain(walk, tmp_path)
    fd = walk.descriptors.hold(c)
    assert (os.fstat(fd).st_ino, c.users, a.fd) == (c.ino, 1, -1)
    walk.descriptors.let(c)
    assert walk.descriptors.hold(c) == fd
    walk.descriptors.take_out(c)
    assert list(walk.descriptors.open) == [top]
    os.close(fd)


def test_a_directory_that_was_moved_or_replaced_is_not_opened_again(walk: Walk, tmp_path: Path) -> None:
    _, _, b, c = chain(walk, tmp_path)
    before = open_descriptors()
    (tmp_path / "a" / "b").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        walk.descriptors.hold(c)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    with pytest.raises(OSError, match="moved while working on it"):
        walk.descriptors.hold(c)
    (tmp_path / "a" / "b" / "c").rmdir()
    (tmp_path / "a" / "b").rmdir()
    (tmp_path / "a" / "b").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=os.strerror(errno.ENOTDIR)):
        walk.descriptors.take_out(b)
    assert open_descriptors() == before


def test_below_a_directory_that_is_closed_for_good_nothing_is_opened(walk: Walk) -> None:
    graft = Node(None, "", -1, 1, 0, None)
    with pytest.raises(OSError, match="closed") as closed:
        walk.descriptors.hold(Node(graft, "x", -1, 2, 0, None))
    assert closed.value.errno == errno.ESTALE


def test_a_parent_is_reached_through_its_child_only_if_it_is_still_the_parent(walk: Walk, tmp_path: Path) -> None:
    _, a, b, c = chain(walk, tmp_path)
    c.fd = os.open(tmp_path / "a" / "b" / "c", os.O_RDONLY)
    walk.descriptors.give_up(c)
    assert (c.fd, os.fstat(b.fd).st_ino) == (-1, b.ino)
    (tmp_path / "a" / "b").rename(tmp_path / "b")
    walk.descriptors.take_out(b)
    walk.descriptors.give_up(b)
    assert (b.fd, a.fd) == (-1, -1)
    walk.descriptors.give_up(b)  # which is closed


def test_the_uppermost_directories_that_nobody_uses_are_closed_first(walk: Walk, tmp_path: Path) -> None:
    top, *nodes = chain(walk, tmp_path)
    walk.descriptors.most = 3
    for node in nodes:
        node.fd = os.open(tmp_path, os.O_RDONLY)
    nodes[0].users = 1
    for node in nodes:
        walk.descriptors.keep(node)
    assert list(walk.descriptors.open) == [top, nodes[0], nodes[2]]
    assert nodes[1].fd == -1


def test_where_the_access_time_may_not_be_left_alone_it_is_not(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = os.open, []

    def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        asked.append(bool(flags & descriptors.NOATIME))
        if asked[-1]:
            raise PermissionError(errno.EPERM, "injected")
        return real(path, flags, *args, **kwargs)

    fd = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(os, "open", opened)
    for _ in range(2):
        os.close(walk.descriptors.open_directory("a", fd))
    assert asked == [True, False, False]
    monkeypatch.setattr(os, "open", lambda *_, **__: raise_(PermissionError(errno.EACCES, "injected")))
    with pytest.raises(PermissionError):
        walk.descriptors.open_directory("a", fd)
    os.close(fd)


def raise_(problem: Exception) -> None:
    raise problem


# -- claims --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "skipped"),
    [
        (lambda names, ino: (ino, len(names), checksum(names, 0)), True),
        (lambda names, ino: (ino + 1, len(names), checksum(names, 0)), False),
        (lambda names, ino: (ino, 0, 0), False),
        (lambda names, ino: (ino, len(names), checksum(names[::-1], 0)), False),
        (lambda names, ino: (ino, len(names) + 1, checksum(names, 0)), False),
    ],
    ids=["same", "another directory", "nothing", "another order", "fewer names"],
)
def test_only_names_that_are_still_the_same_are_skipped(
    tmp_path: Path, change: Callable[[list[str], int], tuple[int, int, int]], skipped: bool
) -> None:
    for name in ("x", "y", "z"):
        (tmp_path / name).touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    names = [entry.name for entry in os.scandir(fd)]
    node = Node(None, "", fd, tmp_path.stat().st_ino, 1, None)
    node.iterator = os.scandir(fd)
    assert skip_claimed(node, fd, change(names, node.ino)) == skipped
    assert [entry.name for entry in node.iterator] == ([] if skipped else names)
    assert node.count == (3 if skipped else 0)
    node.iterator.close()
    os.close(fd)


# -- mode bits -----------------------------------------------------------------------------------------------------


@pytest.fixture
def setuid(tmp_path: Path) -> Path:
    file = tmp_path / "f"
    file.touch()
    file.chmod(0o4755)
    return file


def at(walk: Walk) -> tuple[Owners, Node, int]:
    return walk.owners, walk.top(), walk.job.volume.fd


def test_a_setuid_file_that_was_replaced_is_a_failure(walk: Walk, setuid: Path) -> None:
    who, node, fd = at(walk)
    was = setuid.stat()
    setuid.rename(setuid.with_name("away"))
    setuid.touch()
    with pytest.raises(OSError, match="replaced while working on it"):
        who._change_special(node, b"f", fd, was, UID, GID)
    assert {path.stat().st_uid for path in (setuid, setuid.with_name("away"))} == {0}


def test_bits_that_may_not_be_set_again_are_reported(walk: Walk, setuid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    who, node, fd = at(walk)
    monkeypatch.setattr(os, "chmod", lambda *_, **__: raise_(PermissionError(errno.EPERM, "injected")))
    who._change_special(node, b"f", fd, setuid.stat(), UID, GID)
    assert (setuid.stat().st_uid, walk.tally.bits) == (UID, {"dropped": [1, "f"]})


def test_bits_that_a_kill_left_off_are_set_only_if_nothing_else_changed(walk: Walk, setuid: Path) -> None:
    who, node, fd = at(walk)
    setuid.chmod(0o755)
    now = setuid.stat()
    assert who.restore_bits(node, b"f", fd, now, 0o4750)  # its mode is another
    assert who.restore_bits(node, b"f", fd, now, 0o755)  # there is nothing to set
    assert who.restore_bits(node, b"a", fd, (setuid.parent / "a").stat(), 0o4755)  # no file
    assert stat.S_IMODE(setuid.stat().st_mode) == 0o755
    assert who.restore_bits(node, b"f", fd, now, 0o4755)
    assert (stat.S_IMODE(setuid.stat().st_mode), walk.tally.bits) == (0o4755, {"kept": [1, "f"]})
    setuid.rename(setuid.with_name("away"))
    setuid.touch()
    assert who.restore_bits(node, b"f", fd, now, 0o4755)  # replaced
    assert not setuid.stat().st_mode & stat.S_ISUID
    setuid.unlink()
    setuid.symlink_to("f")
    (setuid.parent / "gone").touch()
    assert who.restore_bits(node, b"none", fd, now, 0o4755)  # gone
    assert walk.tally.vanished == 1


def test_a_check_sets_no_bits(tmp_path: Path, setuid: Path) -> None:
    setuid.chmod(0o755)
    job, channels, walk = started(tmp_path, "--check")
    assert walk.owners.restore_bits(walk.top(), b"f", job.volume.fd, setuid.stat(), 0o4755)
    assert stat.S_IMODE(setuid.stat().st_mode) == 0o755
    walk.close()
    channels.end()
    channels.close()
    job.close()


# -- counting ------------------------------------------------------------------------------------------------------


def test_a_file_with_two_names_that_two_processes_met_counts_once() -> None:
    first, second = Tally(), Tally()
    for tally in (first, second):
        tally.links = {7: "0:0"}
        tally.note(tally.owners, "0:0", "name")
    second.links[8] = "1:1"
    assert first.merge(second.dump()) == {"0:0": 1}
    assert first.links == {7: "0:0", 8: "1:1"}
    assert first.public(first.owners) == {"0:0": {"count": 2, "samples": ["name", "name"]}}


def test_where_a_folder_of_records_can_not_be_listed_there_are_none(tmp_path: Path) -> None:
    assert records_in(str(tmp_path / "none"), "state") == []


# -- samples -------------------------------------------------------------------------------------------------------


def sample(root: Path, **limits: Any) -> Sample:
    return Sample(Job(arguments([str(root), "--uid", str(UID), "--gid", str(GID), "--check"])), **limits)


def test_what_vanishes_under_a_look_is_counted_and_no_failure(tree: Path) -> None:
    look = sample(tree, limit=500, seconds=None)
    assert look.inspect(look.job.volume.fd, (), ["0", "none"]) == []
    look._fail(OSError(errno.EACCES, "injected"), "x")
    assert (look.tally.vanished, look.failed, look.asked, look.seen) == (1, 1, 2, 1)
    look.queue.clear()
    look.queue.append(("0", "none"))
    look.top_levels()
    assert (look.tally.vanished, look.working) == (2, 0)
    assert not look.looked()["exhaustive"]
    look.job.close()


def test_a_look_that_is_stopped_looks_at_nothing_more(tree: Path) -> None:
    look = sample(tree, limit=None, seconds=30)
    look.words[0] = 1
    assert look.inspect(look.job.volume.fd, (), ["0", "1"]) == []
    look.run(lambda: None)
    assert look.seen == 1
    assert not look.looked()["exhaustive"]
    look.job.close()


def test_a_descent_does_not_leave_the_file_system(tree: Path) -> None:
    look = sample(tree, limit=500, seconds=None)
    look.job.volume.dev += 1
    assert look.inspect(look.job.volume.fd, (), ["0"]) == ["0"]
    look.descents(0)
    assert (look.seen, look.weights) == (0, [])
    look.job.close()


# -- directories that the listing does not show as such ------------------------------------------------------------

NO_TYPES = (
    "import os\nreal = os.scandir\nclass Untyped:\n"
    "    def __init__(self, entry): self.name = entry.name\n"
    "    def is_dir(self, *, follow_symlinks): raise OSError(5, 'injected')\n"
    "class Listing:\n"
    "    def __init__(self, found): self.found = found\n"
    "    def __iter__(self): return self\n"
    "    def __next__(self): return Untyped(next(self.found))\n"
    "    def close(self): self.found.close()\n"
    "os.scandir = lambda fd: Listing(real(fd)) if isinstance(fd, int) else real(fd)\n"
)


@pytest.mark.parametrize("right", [False, True])
def test_directories_without_a_type_are_walked_and_snapshots_are_not(tree: Path, right: bool) -> None:
    (tree / "0" / ".snapshot" / "x").mkdir(parents=True)
    if right:
        for folder in tree.glob("[0-6]"):
            os.chown(folder, UID, GID)
    run = alone(tree, change=ONE_THREAD + NO_TYPES)
    assert (run.code, run.summary["skipped"]["excluded"]["count"]) == (0, 1)
    assert {path for path, who in owners(tree).items() if who != (UID, GID)} == {"0/.snapshot", "0/.snapshot/x"}
