"""What the ownership worker changes, leaves alone and reports."""

# Descriptors, lstat and bytes paths are what is at stake here.
# ruff: noqa: PTH102, PTH116, PTH118, PTH123

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.worker.ownership import machine
from auditor.worker.ownership.arguments import arguments
from auditor.worker.ownership.channels import Channels
from auditor.worker.ownership.job import Job
from auditor.worker.ownership.node import Group, Node
from auditor.worker.ownership.owners import REFUSED_AFTER
from auditor.worker.ownership.program import main
from auditor.worker.ownership.statx import Table
from auditor.worker.ownership.tally import SAMPLES, Tally
from auditor.worker.ownership.walk import Walk
from auditor.worker.ownership.words import WANTED
from tests.worker.ownership_run import (
    GID,
    ONE_THREAD,
    UID,
    WITHOUT_CTYPES,
    Run,
    alone,
    command,
    edited,
    hands,
    mounted_as,
    owner,
    owners,
    plant,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")
RIGHT = (UID, GID)


@pytest.fixture(params=["one thread in this process", "all processes", "without ctypes"])
def work(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    def here(root: Path, *args: object) -> Run:
        given = () if "--uid" in args else ("--uid", UID, "--gid", GID)
        code = main([str(a) for a in (root, *given, *args)])
        return Run(code=code, lines=[json.loads(line) for line in capsys.readouterr().out.splitlines()])

    if request.param == "one thread in this process":
        for most in ("PROCESSES_MAX", "THREADS_MAX", "THREADS_LEAST"):
            monkeypatch.setattr(machine, most, 1)
        return here
    return alone if request.param == "all processes" else functools.partial(alone, change=WITHOUT_CTYPES)


def a_walk(root: Path) -> tuple[Job, Channels, Walk]:
    job = Job(arguments([str(root), "--uid", str(UID), "--gid", str(GID)]))
    channels = Channels(job.processes)
    return job, channels, Walk(job, channels, 0)


def put_away(job: Job, channels: Channels, walk: Walk) -> None:
    walk.close()
    channels.end()
    channels.close()
    job.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "volume"
    plant(root, 6, 5)
    return root


# -- what is changed -----------------------------------------------------------------------------------------------


def test_every_kind_of_entry_gets_the_owner_and_link_targets_do_not(tmp_path: Path, work: Callable[..., Run]) -> None:
    outside = tmp_path / "outside"
    (outside / "dir").mkdir(parents=True)
    (outside / "file").touch()
    root = tmp_path / "volume"
    (root / "empty").mkdir(parents=True)
    (root / "file").touch()
    (root / "to-file").symlink_to(outside / "file")
    (root / "to-dir").symlink_to(outside / "dir")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "fifo")
    os.mknod(root / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    os.mkdir(os.fsencode(root) + b"/\xff\xfe")
    open(os.fsencode(root) + b"/\xff\xfe/\n \xc3(", "w").close()

    run = work(root)

    assert run.code == 0
    assert set(owners(root).values()) == {RIGHT}
    assert set(owners(outside).values()) == {(0, 0)}
    assert run.summary["seen"] == run.summary["changed"] == 11
    assert run.summary["wrong_by_owner"]["0:0"]["count"] == 11
    assert run.summary["complete"]
    assert run.summary["root_right"]


def test_what_is_right_keeps_its_ctime_and_all_else_but_the_owner_is_kept(tree: Path, work: Callable[..., Run]) -> None:
    right = tree / "0" / "d0" / "f0"
    os.chown(right, *RIGHT)
    os.chown(tree / "0", *RIGHT)
    wrong = tree / "1" / "d1" / "f1"
    wrong.write_text("content")
    wrong.chmod(0o640)
    os.setxattr(wrong, "user.note", b"kept")
    os.utime(wrong, ns=(10**18, 10**18 + 7))
    folder = tree / "2" / "d2"
    folder.chmod(0o2775)
    os.utime(folder, ns=(10**18, 10**18 + 9))
    before = {path: path.stat() for path in (right, tree / "0")}
    old = wrong.stat()

    run = work(tree)

    assert run.code == 0
    assert all(path.stat().st_ctime_ns == was.st_ctime_ns for path, was in before.items())
    now = wrong.stat()
    assert (now.st_mode, now.st_mtime_ns, now.st_atime_ns) == (old.st_mode, old.st_mtime_ns, old.st_atime_ns)
    assert os.getxattr(wrong, "user.note") == b"kept"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2775
    assert (folder.stat().st_mtime_ns, folder.stat().st_atime_ns) == (10**18 + 9, 10**18)
    assert run.summary["wrong"] == len(owners(tree)) - 2

    ctimes = {path: path.lstat().st_ctime_ns for path in tree.rglob("*")}
    again = work(tree)
    assert (again.code, again.summary["changed"]) == (0, 0)
    assert ctimes == {path: path.lstat().st_ctime_ns for path in tree.rglob("*")}


def test_a_directory_comes_after_its_content_and_the_top_last(tree: Path, work: Callable[..., Run]) -> None:
    assert work(tree).code == 0
    for folder, dirs, files in os.walk(tree):
        inside = [os.lstat(os.path.join(folder, name)).st_ctime_ns for name in dirs + files]
        assert os.stat(folder).st_ctime_ns >= max(inside, default=0), folder


def test_a_file_with_two_names_is_counted_and_changed_once(tree: Path, work: Callable[..., Run]) -> None:
    os.link(tree / "0" / "d0" / "f0", tree / "0" / "d0" / "again")
    os.link(tree / "0" / "d0" / "f0", tree / "5" / "again")
    entries = len(owners(tree)) - 2
    assert work(tree, "--check").summary["wrong"] == entries
    run = work(tree)
    assert (run.summary["wrong"], run.summary["changed"]) == (entries, entries)


def test_a_file_with_two_names_that_both_were_seen_wrong_is_changed_once(tree: Path) -> None:
    """As where two threads meet it: here the first change does nothing."""
    os.link(tree / "0" / "d0" / "f0", tree / "5" / "again")
    change = (
        "import os\nreal = os.chown\ndef chown(name, *a, **k):\n"
        "    if name not in (b'f0', b'again'): real(name, *a, **k)\nos.chown = chown"
    )
    run = alone(tree, change=ONE_THREAD + change)
    assert run.summary["changed"] == run.summary["wrong"] == len(owners(tree)) - 1


def test_the_same_inode_in_two_layers_is_two_files(tmp_path: Path) -> None:
    """As overlayfs shows them: names of one file have a link count above one."""
    job, channels, walk = a_walk(tmp_path)
    for links, kept in ((1, [b"a", b"b"]), (2, [b"a"])):
        group = Group([b"a", b"b"], [5, 5])
        status = os.stat_result((stat.S_IFREG | 0o4755, 5, job.volume.dev, links, 0, 0, 0, 0, 0, 0))
        group.odd = {b"a": status, b"b": status}
        walk.entries.sift(Node(None, "", -1, 1, 0, None), group, [])
        assert group.names == kept
    put_away(job, channels, walk)


def test_samples_stay_few_however_many_owners_there_are() -> None:
    tally = Tally()
    for start in range(0, 3000, 1000):
        other = Tally()
        for uid in range(start, start + 1000):
            other.note(other.owners, f"{uid}:0", f"file{uid}")
        tally.merge(other.dump())
    assert tally.owners["others"][0] == 2000
    assert len(tally.owners["others"]) == SAMPLES + 1


def test_paths_deeper_than_path_max_and_than_the_descriptors_allow(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    root.mkdir()
    fds = [os.open(root, os.O_RDONLY)]
    for depth in range(400):
        name = f"{depth:03}" + "n" * 60
        os.mkdir(name, dir_fd=fds[-1])
        fds.append(os.open(name, os.O_RDONLY, dir_fd=fds[-1]))
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fds[-1]))
    try:
        few = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))"
        run = alone(root, "--state", tmp_path / "state", change=few)
        assert run.code == 0, run.summary
        assert run.summary["changed"] == 801
        assert all(owner(os.fstat(fd)) == RIGHT for fd in fds)
        assert all(owner(os.stat("file", dir_fd=fd)) == RIGHT for fd in fds[1:])
        assert alone(root, "--undo", "--state", tmp_path / "state", change=few).summary["changed"] == 801
        assert all(owner(os.fstat(fd)) == (0, 0) for fd in fds)
    finally:
        for fd in fds:
            os.close(fd)
        subprocess.run(["rm", "-rf", str(root)], check=True)


def test_setuid_and_setgid_survive_for_root_and_are_dropped_for_a_third_user(
    tree: Path, work: Callable[..., Run]
) -> None:
    roots, thirds = tree / "0" / "d0" / "f0", tree / "0" / "d0" / "f1"
    os.chown(thirds, 1234, 1234)
    roots.chmod(0o6755)
    thirds.chmod(0o4755)
    run = work(tree)
    assert stat.S_IMODE(roots.stat().st_mode) == 0o6755
    assert stat.S_IMODE(thirds.stat().st_mode) == 0o755
    assert owner(roots.stat()) == owner(thirds.stat()) == RIGHT
    assert run.summary["mode_bits"]["kept"] == {"count": 1, "samples": ["0/d0/f0"]}
    assert run.summary["mode_bits"]["dropped"] == {"count": 1, "samples": ["0/d0/f1"]}


def test_what_is_made_of_a_directorys_mode_meanwhile_stays(tree: Path) -> None:
    folder = tree / "2" / "d2"
    folder.chmod(0o2775)
    late = (
        "import os\nreal = os.chown\ndef chown(name, *a, **k):\n"
        f"    if os.fstat(k['dir_fd']).st_ino == {folder.stat().st_ino}: os.chmod({str(folder)!r}, 0o700)\n"
        "    real(name, *a, **k)\nos.chown = chown"
    )
    assert alone(tree, change=late).code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_setgid_bit_of_a_directory_that_a_server_takes_is_set_again(tree: Path) -> None:
    folder = tree / "2" / "d2"
    folder.chmod(0o2770)
    takes = (
        "import os\nreal = os.fchown\ndef fchown(fd, *a):\n"
        "    os.fchmod(fd, os.fstat(fd).st_mode & 0o777)\n    real(fd, *a)\nos.fchown = fchown"
    )
    assert alone(tree, change=takes).code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770


def test_without_proc_a_setuid_file_is_a_failure_and_not_gone(tree: Path) -> None:
    (tree / "0" / "d0" / "f0").chmod(0o4755)
    change = (
        "import os\nreal = os.chown\ndef chown(name, *a, **k):\n"
        "    if str(name).startswith('/proc'): raise FileNotFoundError(2, 'injected')\n"
        "    real(name, *a, **k)\nos.chown = chown"
    )
    run = alone(tree, change=change)
    assert (run.code, run.summary["failures"]["ENOSYS"]["count"]) == (1, 1)


def test_setuid_lost_by_a_kill_between_two_calls_comes_back(tree: Path, tmp_path: Path) -> None:
    file = tree / "0" / "d0" / "f0"
    file.chmod(0o4755)
    die = "import os\nos.chmod = lambda *a, **k: os.kill(os.getpid(), 9)"
    killed = subprocess.run(command(tree, "--state", tmp_path / "state", change=ONE_THREAD + die), check=False)
    assert killed.returncode == -9
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert alone(tree, "--state", tmp_path / "state").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o4755


# -- what is left alone --------------------------------------------------------------------------------------------


def test_snapshots_and_lost_and_found_are_left_alone(tree: Path, work: Callable[..., Run]) -> None:
    for name in (".snapshot", "lost+found", ".snapshots", "0/.snapshot", "0/.zfs", "0/~snapshot", "0/lost+found"):
        (tree / name / "inner").mkdir(parents=True)
    (tree / "aquota.user").touch()
    run = work(tree)
    found = owners(tree)
    alone_left = {path for path, who in found.items() if who != RIGHT}
    kept = {".snapshot", "lost+found", ".snapshots", "0/.snapshot", "0/.zfs", "0/~snapshot"}
    assert alone_left == kept | {f"{name}/inner" for name in kept} | {"aquota.user"}
    assert run.summary["skipped"]["excluded"]["count"] == 7
    assert run.code == 0


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    points: list[Path] = []

    def here(*args: object) -> None:
        if subprocess.run(["mount", *map(str, args)], capture_output=True, check=False).returncode:
            pytest.skip("may not mount here")
        points.append(Path(str(args[-1])))

    yield here
    for point in reversed(points):
        subprocess.run(["umount", str(point)], check=True)


def test_another_file_system_is_not_entered(tree: Path, work: Callable[..., Run], mount: Callable[..., None]) -> None:
    """Mounted before it started, or later."""
    point = tree / "0" / "mounted"
    point.mkdir()
    mount("-t", "tmpfs", "none", point)
    (point / "file").touch()
    run = work(tree)
    assert owner(point.stat()) == owner((point / "file").stat()) == (0, 0)
    assert run.summary["skipped"]["mount point"] == {"count": 1, "samples": ["0/mounted"]}
    assert run.code == 0
    assert alone(tree, "--check", "--limit", 10000).code == 0
    unaware = edited(("mounted_below(self.fd, ", "{} and ("))
    late = alone(tree, change=unaware)
    assert late.summary["skipped"]["other file system"]["count"] == 1
    assert alone(tree, "--check", "--limit", 20, change=unaware).code == 0
    assert owner(point.stat()) == owner((point / "file").stat()) == (0, 0)


def test_what_is_mounted_from_the_same_file_system_is_not_entered(
    tree: Path, work: Callable[..., Run], tmp_path: Path, mount: Callable[..., None]
) -> None:
    outside, file = tmp_path / "outside", tmp_path / "file"
    (outside / "inner").mkdir(parents=True)
    file.touch()
    point = tree / "0" / "mount ed"
    point.mkdir()
    (tree / "1" / "mount ed").mkdir()
    mount("--bind", outside, point)
    mount("--bind", file, tree / "1" / "d1" / "f1")
    run = work(tree)
    assert (run.code, run.summary["skipped"]["mount point"]["count"]) == (0, 2)
    assert {owner(path.stat()) for path in (outside, outside / "inner", file)} == {(0, 0)}
    assert owner((tree / "1" / "mount ed").stat()) == RIGHT
    assert work(tree, "--check", "--limit", 10000).code == 0


def test_what_an_earlier_mount_hides_is_no_mount_point(tree: Path, tmp_path: Path, mount: Callable[..., None]) -> None:
    root = tmp_path / "root"
    (root / "0").mkdir(parents=True)
    mount("-t", "tmpfs", "none", root / "0")
    mount("--bind", tree, root)
    assert alone(root).code == 0
    assert set(owners(tree).values()) == {RIGHT}


ATTACKER = """
import os, sys
root, outside = sys.argv[1:]
print("ready", flush=True)
names = [os.path.join(root, f"{i % 7:x}", f"d{i}") for i in range(0, 60, 3)]
while True:
    for name in names:
        try:
            os.rename(name, name + ".away")
            os.symlink(outside, name)
            os.unlink(name)
            os.rename(name + ".away", name)
            file = os.path.join(name, "f1")
            os.rename(file, file + ".away")
            os.symlink(os.path.join(outside, "f1"), file)
            os.unlink(file)
            os.rename(file + ".away", file)
        except OSError:
            pass
"""


def test_a_racing_attacker_leads_it_nowhere_outside(tmp_path: Path) -> None:
    root, outside = tmp_path / "volume", tmp_path / "outside"
    plant(root, 60, 8)
    outside.mkdir()
    for i in range(8):
        (outside / f"f{i}").touch()
    (outside / "inner").mkdir()
    before = {path: path.stat().st_ctime_ns for path in (outside, *outside.iterdir())}
    attacker = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", ATTACKER, str(root), str(outside)], stdout=subprocess.PIPE
    )
    try:
        assert attacker.stdout is not None
        attacker.stdout.readline()
        for round_ in range(12):
            uid = UID + round_
            run = alone(root, "--uid", uid, "--gid", GID, change=(ONE_THREAD, hands(2, 4))[round_ % 2])
            assert run.summary["seen"] > 200
    finally:
        attacker.kill()
        attacker.communicate()
    assert {path: path.stat().st_ctime_ns for path in before} == before


# -- many at once --------------------------------------------------------------------------------------------------


def make_plain(path: Path) -> None:
    path.write_text("x")


def make_other_owner(path: Path) -> None:
    path.touch()
    os.chown(path, 7, 0)


def make_setuid(path: Path) -> None:
    path.touch()
    path.chmod(0o4755)


@pytest.mark.parametrize(
    ("make", "alike"),
    [
        (make_plain, True),
        (lambda path: path.touch(0o600), True),
        (make_other_owner, False),
        (make_setuid, False),
        (lambda path: os.link(path.parent / "a", path), False),
        (lambda path: path.symlink_to("a"), False),
        (os.mkfifo, False),
        (os.mkdir, False),
        (lambda path: None, False),
    ],
    ids=["file", "other mode", "other owner", "setuid", "second name", "link", "fifo", "directory", "gone"],
)
def test_files_are_looked_at_together_only_where_they_are_alike(
    tmp_path: Path, make: Callable[[Path], None], alike: bool
) -> None:
    names = [*"abc", "last"]
    for name in names[:-1]:
        (tmp_path / name).touch()
    make(tmp_path / "last")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        found = Table(tmp_path.stat().st_dev).look(fd, [os.fsencode(name) for name in names])
        elsewhere = Table(tmp_path.stat().st_dev + 1).look(fd, [b"b", b"c"])
    finally:
        os.close(fd)
    assert found == (((0, 0), [(tmp_path / name).lstat().st_ino for name in names]) if alike else None)
    assert elsewhere is None


def test_what_one_thread_looks_at_no_other_overwrites(tmp_path: Path) -> None:
    table = Table(tmp_path.stat().st_dev)
    job, channels, walk = a_walk(tmp_path)
    job.table = table
    walk.words[walk.row + WANTED] = 1
    (tmp_path / "file").touch()
    with table.lock:
        assert walk.entries.alike([b"file"], job.volume.fd) is None
    assert walk.entries.alike([b"file"], job.volume.fd) == ((0, 0), [(tmp_path / "file").stat().st_ino])
    walk.words[walk.row + WANTED] = 2
    assert walk.entries.alike([b"file"], job.volume.fd) is None
    put_away(job, channels, walk)


# -- what goes wrong -----------------------------------------------------------------------------------------------

FAULT = """
import os
real = os.chown
def chown(name, *args, **kwargs):
    if os.fsdecode(name).startswith("f1"):
        raise OSError({code}, "injected")
    real(name, *args, **kwargs)
os.chown = chown
"""


@pytest.mark.parametrize("name", ["EPERM", "EROFS", "EIO", "ESTALE"])
def test_a_refused_entry_is_counted_and_the_rest_goes_on(tree: Path, name: str) -> None:
    import errno

    run = alone(tree, change=FAULT.format(code=getattr(errno, name)))
    assert run.code == 1
    assert run.summary["failures"][name]["count"] == run.summary["failed"] == 6
    assert run.summary["failures"][name]["samples"][0].endswith("/f1")
    assert {path for path, who in owners(tree).items() if who != RIGHT} == {
        path for path in owners(tree) if path.endswith("/f1") or path == "."
    }
    assert not run.summary["complete"]
    assert run.summary["message"].startswith("6 files could not be changed")


def test_entries_that_cannot_be_changed_do_not_stop_the_rest_however_many_come_first(tmp_path: Path) -> None:
    """As files with the immutable attribute: the server is not to blame where it lets a file of ours be given away."""
    root = tmp_path / "volume"
    plant(root, 1, 40)
    stuck = {f"'f{i}'" for i in range(36)}
    change = (
        "import os\nreal = os.chown\ndef chown(name, *a, **k):\n"
        f"    if os.fsdecode(name) in ({', '.join(stuck)}): raise OSError(1, 'injected')\n"
        "    real(name, *a, **k)\nos.chown = chown"
    )
    for without in ("", "\nos.O_TMPFILE = os.O_CREAT"):  # as where a file system has no nameless files
        run = alone(root, change=ONE_THREAD + change + without)
        assert (run.code, run.summary["reason"], run.summary["failed"]) == (1, None, 36)
        assert run.summary["message"].startswith("36 files could not be changed")
        assert [who for path, who in owners(root).items() if path.endswith("f39")] == [RIGHT]


def test_a_server_that_gives_what_root_makes_to_nobody_gets_the_sentence_of_root_squash(tree: Path) -> None:
    """Where ROOT is writable by nobody, the state is nobody's the moment that it is made."""
    change = (
        "import os\nreal, chown, made = os.open, os.fchown, os.O_CREAT | os.O_EXCL\n"
        "def no(*a, **k): raise OSError(1, 'injected')\nos.chown = os.fchown = no\n"
        "def opened(path, flags, *a, **k):\n    fd = real(path, flags, *a, **k)\n"
        "    if flags & made == made: chown(fd, 65534, 65534)\n    return fd\nos.open = opened\n"
    )
    change = ONE_THREAD + mounted_as("nfs4", "server:/export") + change
    state = tree / ".posit-audit.state"
    run = alone(tree, "--state", state, change=change)
    assert (run.code, run.summary["state"]["error"]) == (1, "EPERM")
    assert "Root is squashed by the NFS server of server:/export" in run.summary["message"]
    assert not state.exists()


def test_it_works_where_the_end_of_children_is_ignored_and_where_nobody_listens(tree: Path) -> None:
    run = alone(tree, change=hands(2, 1), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert (run.code, run.summary["complete"]) == (0, True)
    silent = ["sh", "-c", 'exec "$@" >&-', "sh", *command(tree)]
    assert subprocess.run(silent, capture_output=True, check=False).returncode == 0


def test_what_vanishes_is_no_error(tree: Path) -> None:
    run = alone(tree, change=FAULT.format(code=2))
    assert (run.code, run.summary["vanished"], run.summary["failed"]) == (0, 6, 0)


@pytest.mark.parametrize(
    ("code", "mounts", "words"),
    [
        (1, ("nfs4", "server:/export"), ("Root is squashed by the NFS server", "server:/export", "no_root_squash")),
        (1, ("cifs", "//server/share"), ("does not allow changes of owners", f"uid={UID}")),
        (1, ("ext4", "/dev/sda"), ("refused every change", "lsattr")),
        (30, ("ext4", "/dev/sda"), ("read-only", "mount the claim writable")),
    ],
)
def test_a_volume_that_refuses_everything_gets_one_sentence_and_an_early_end(
    tmp_path: Path, code: int, mounts: tuple[str, str], words: tuple[str, ...]
) -> None:
    root = tmp_path / "volume"
    plant(root, 5, 60)
    change = f"import os\ndef no(*a, **k): raise OSError({code}, 'injected')\nos.chown = os.fchown = no\n"
    run = alone(root, change=ONE_THREAD + mounted_as(*mounts) + change)
    assert run.code == 1
    assert run.summary["reason"] == "every change was refused"
    assert REFUSED_AFTER <= run.summary["failed"] < 2 * REFUSED_AFTER
    assert all(word in run.summary["message"] for word in words), run.summary["message"]
    assert not run.summary["root_right"]


def test_without_the_capability_it_says_so(tree: Path) -> None:
    bare = ["setpriv", "--bounding-set", "-chown", *command(tree)]
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert "no CAP_CHOWN" in summary["message"]
    assert set(owners(tree).values()) == {(0, 0)}


def test_a_thread_that_breaks_does_not_hang_the_run(tree: Path) -> None:
    run = alone(tree, change=f"{ONE_THREAD}import os\ndef broken(*a, **k): raise ValueError('x')\nos.chown = broken")
    assert run.code == 1
    assert run.summary["failures"]["ValueError"]["count"] >= 1


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os._exit(9)", 1),
        # As the kernel does where memory runs out: the Job has to try again.
        ("os.kill(os.getpid(), 9)", 137),
    ],
)
def test_a_helper_that_dies_ends_the_run_unfinished(tmp_path: Path, death: str, code: int) -> None:
    root = tmp_path / "volume"
    plant(root, 40, 20)
    change = (
        "import os\nfirst, real = os.getpid(), os.chown\n"
        "def chown(*a, **k):\n"
        f"    if os.getpid() != first: {death}\n"
        "    import time; time.sleep(0.005); real(*a, **k)\n"
        "os.chown = chown"
    )
    run = alone(root, change=hands(3, 1) + change)
    assert (run.code, run.summary["complete"]) == (code, False)
    assert run.summary["reason"] == "a worker process died"
    assert not run.summary["root_right"]


def test_sigterm_ends_it_soon_with_a_summary(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    plant(root, 10, 30)
    slow = (
        f"{WITHOUT_CTYPES}\nimport os, time\nreal = os.stat\n"
        "def late(*a, **k): time.sleep(0.02); return real(*a, **k)\nos.stat = late"
    )
    process = subprocess.Popen(
        command(root, "--state", tmp_path / "state", change=hands(1, 2) + slow), stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "state").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    summary = json.loads(out.splitlines()[-1])
    assert process.returncode == 128 + signal.SIGTERM
    assert (summary["complete"], summary["reason"]) == (False, "stopped by a signal")
    assert not summary["root_right"]
    assert alone(root, "--state", tmp_path / "state").code == 0
    assert set(owners(root).values()) == {RIGHT}


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--uid", "-1", "--gid", "1"), "--uid"),
        (("--uid", "1"), "--gid"),
        (("--uid", "1", "--gid", "1", "--shard", "2/2"), "--shard"),
        (("--uid", "1", "--gid", "1", "--check", "--limit", "0"), "--limit"),
        (("--uid", "1", "--gid", "1", "--check", "--seconds", "nan"), "--seconds"),
        (("--uid", "1", "--gid", "1", "--limit", "9"), "--limit goes with --check"),
        (("--uid", "1", "--gid", "1", "--seconds", "9"), "--seconds goes with --check"),
        (("--uid", "1", "--gid", "1", "--undo"), "--state"),
        (("--uid", "1", "--gid", "1", "--undo", "--check"), "exclude each other"),
        (("--uid", "1", "--gid", "1", "--move-aside", "../x"), "below ROOT"),
    ],
)
def test_wrong_arguments_get_a_sentence(
    tree: Path, args: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tree), *args]) == 1
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["event"], line["code"]) == ("refusal", "bad-arguments")
    assert word in line["message"]


@pytest.mark.parametrize(("root", "word"), [("/", "root of the whole file system"), ("/nowhere", "No such file")])
def test_a_root_it_will_not_work_on(root: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([root, "--uid", "1", "--gid", "1"]) == 1
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["code"] == "not-a-volume"
    assert word in line["message"]


# -- what it says ---------------------------------------------------------------------------------------------------


def test_progress_is_said_while_it_works(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    plant(root, 7, 6)
    slow = f"{WITHOUT_CTYPES}\nimport os, time\nreal = os.stat\n"
    slow += "def late(*a, **k): time.sleep(0.03); return real(*a, **k)\nos.stat = late"
    run = alone(root, change=ONE_THREAD + slow)
    steps = [line for line in run.lines if line["event"] == "progress"]
    assert steps
    assert set(steps[0]) == {
        "event", "seen", "wrong", "changed", "failed", "per_second", "directory", "threads",
    }  # fmt: skip
    assert run.code == 0
