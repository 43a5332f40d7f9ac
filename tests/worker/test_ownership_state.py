"""What the ownership worker remembers: resuming, undoing, sharding, moving aside."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.worker.ownership.estimate import smallest_share
from auditor.worker.ownership.inodes import packed, unpacked
from auditor.worker.ownership.record import Record
from auditor.worker.ownership.words import UNKEPT
from tests.worker.ownership_run import (
    GID,
    ONE_THREAD,
    UID,
    WITHOUT_CTYPES,
    alone,
    command,
    edited,
    hands,
    owner,
    owners,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")
RIGHT = (UID, GID)
COUNT_STATUS = (
    WITHOUT_CTYPES
    + """
import os
real, calls = os.stat, [0]
def counted(*a, **k):
    calls[0] += 1
    return real(*a, **k)
os.stat = counted
leave = os._exit
def told(code):
    open({path!r}, 'w').write(str(calls[0]))
    leave(code)
os._exit = told
"""
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@given(st.sets(st.integers(min_value=0, max_value=2**64 - 1), min_size=1))
def test_inodes_are_packed_without_loss(inodes: set[int]) -> None:
    assert unpacked(packed(list(inodes))) == sorted(inodes)


def test_inodes_in_a_row_take_one_step() -> None:
    assert packed([5, 6, 7, 20]) == "5+2,d"
    assert packed([7, 5, 6]) == "5+2"


def test_an_inode_listed_twice_stands_for_no_other() -> None:
    assert unpacked(packed([5, 5, 7])) == [5, 7]


def die_after(changes: int) -> str:
    return (
        f"import os\nreal, left = os.chown, [{changes}]\ndef chown(*a, **k):\n    left[0] -= 1\n"
        "    if left[0] < 0: os.kill(os.getpid(), 9)\n    real(*a, **k)\nos.chown = chown"
    )


@pytest.mark.parametrize("changes", [0, 1, 250, 500, 799])
def test_killed_and_run_again_it_finishes_without_redoing_what_is_done(
    tree: Path, state: Path, tmp_path: Path, changes: int
) -> None:
    killed = subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(changes)), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert owner(tree.stat()) == (0, 0)
    counted = tmp_path / "calls"
    run = alone(tree, "--state", state, change=ONE_THREAD + COUNT_STATUS.format(path=str(counted)), counted=True)
    assert run.code == 0
    assert set(owners(tree).values()) == {RIGHT}
    assert int(counted.read_text()) <= 800 - changes + 80  # at most two directories again


def test_killed_at_any_time_with_all_processes_the_owners_are_still_known(tree: Path, state: Path) -> None:
    for path in tree.rglob("f7"):
        os.chown(path, 7, 8)
    os.chown(tree / "0", *RIGHT)
    before = owners(tree)
    for delay in (0.04, 0.06, 0.08, 0.1):
        process = subprocess.Popen(command(tree, "--state", state), stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
    assert alone(tree, "--state", state).code == 0
    assert set(owners(tree).values()) == {RIGHT}
    undone = alone(tree, "--state", state, "--undo")
    assert undone.code == 0
    assert owners(tree) == before


def test_the_run_that_goes_on_tells_how_much_was_done_before_it(tree: Path, state: Path) -> None:
    subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(700)), check=False)
    done = sum(owner == RIGHT for owner in owners(tree).values())
    run = alone(tree, "--state", state, change=ONE_THREAD)
    assert (run.code, run.summary["changed"]) == (0, len(owners(tree)) - done)
    # What was written down and not changed any more is part of one directory.
    assert 0 <= run.summary["earlier"] - done <= 40
    assert alone(tree, "--state", state).summary["earlier"] == 0


def test_a_huge_directory_is_taken_up_where_it_was_left(tmp_path: Path, state: Path) -> None:
    root = tmp_path / "volume"
    (root / "flat").mkdir(parents=True)
    for i in range(2000):
        (root / "flat" / f"f{i}").touch()
    small = edited(("WINDOW = 4096", "WINDOW = 100"))
    killed = subprocess.run(command(root, "--state", state, change=ONE_THREAD + small + die_after(1500)), check=False)
    assert killed.returncode == -signal.SIGKILL
    counted = tmp_path / "calls"
    change = ONE_THREAD + small + COUNT_STATUS.format(path=str(counted))
    run = alone(root, "--state", state, change=change, counted=True)
    assert (run.code, run.summary["resumed"]) == (0, 1)
    assert int(counted.read_text()) <= 900
    assert set(owners(root).values()) == {RIGHT}


def test_a_huge_directory_that_changed_meanwhile_is_looked_at_whole(tmp_path: Path, state: Path) -> None:
    root = tmp_path / "volume"
    (root / "flat").mkdir(parents=True)
    for i in range(2000):
        (root / "flat" / f"f{i}").touch()
    small = edited(("WINDOW = 4096", "WINDOW = 100"))
    subprocess.run(command(root, "--state", state, change=ONE_THREAD + small + die_after(1500)), check=False)
    names = [entry.name for entry in os.scandir(root / "flat")]
    (root / "flat" / names[0]).rename(root / "flat" / "other")
    for name in names[1:300]:
        os.chown(root / "flat" / name, 0, 0)
    assert alone(root, "--state", state, change=ONE_THREAD + small).code == 0
    assert set(owners(root).values()) == {RIGHT}


def test_after_a_reboot_only_what_was_surely_on_disk_is_believed(tree: Path, state: Path) -> None:
    subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(700)), check=False)
    for path in tree.rglob("*"):  # as if the power cut had taken the changes with it
        os.lchown(path, 0, 0)
    other_boot = edited(("return file.read().strip()", 'return "other"'))
    run = alone(tree, "--state", state, change=other_boot)
    assert (run.code, run.summary["resumed"]) == (0, 0)
    assert set(owners(tree).values()) == {RIGHT}


def test_a_finished_state_proves_nothing_about_the_next_run(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    os.chown(tree / "1" / "d1" / "f1", 0, 0)
    run = alone(tree, "--state", state)
    assert (run.code, run.summary["changed"], run.summary["resumed"]) == (0, 1, 0)


def test_what_a_run_with_failures_did_is_looked_at_again(tree: Path, state: Path) -> None:
    stuck = (
        "import os\nreal = os.chown\ndef chown(name, *a, **k):\n    if name == b'f7': raise OSError(1, 'injected')\n"
    )
    failed = alone(tree, "--state", state, change=stuck + "    real(name, *a, **k)\nos.chown = chown")
    assert failed.code == 1
    for path in tree.rglob("f8"):
        os.chown(path, 0, 0)
    run = alone(tree, "--state", state)
    assert (run.code, run.summary["resumed"], run.summary["earlier"]) == (0, 0, 0)
    assert set(owners(tree).values()) == {RIGHT}


@pytest.mark.parametrize(("days", "resumed"), [(0.9, True), (1.1, False), (-1.1, False)])
def test_what_a_run_that_was_cut_off_did_is_believed_for_a_day(
    tree: Path, state: Path, days: float, *, resumed: bool
) -> None:
    subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(700)), check=False)
    wrote = time.time() - days * 86400
    os.utime(state, (wrote, wrote))
    run = alone(tree, "--state", state)
    assert (run.code, bool(run.summary["resumed"])) == (0, resumed)


def test_a_run_that_finds_nothing_wrong_leaves_no_record_and_keeps_those_of_others(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    names = sorted(state.parent.iterdir())
    for _ in range(2):
        run = alone(tree, "--state", state)
        assert (run.code, run.summary["changed"], run.summary["records"]) == (0, 0, [])
        assert sorted(state.parent.iterdir()) == names
    undone = alone(tree, "--state", state, "--undo")
    assert (undone.code, set(owners(tree).values())) == (0, {(0, 0)})
    assert sorted(state.parent.iterdir()) == names


def test_a_torn_or_damaged_line_is_not_believed(tree: Path, state: Path) -> None:
    subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(700)), check=False)
    data = state.read_bytes().splitlines(keepends=True)
    claims = [i for i, line in enumerate(data) if line[9:10] == b"f"]
    data[claims[0]] = data[claims[0]].replace(b" f ", b" f 1")
    state.write_bytes(b"".join(data) + b"12345678 f 12")
    run = alone(tree, "--state", state)
    assert run.code == 0
    assert run.summary["resumed"] == len(claims) - 1
    assert set(owners(tree).values()) == {RIGHT}
    undone = alone(tree, "--state", state, "--undo")
    assert (undone.code, undone.summary["complete"]) == (1, False)
    assert "is damaged" in undone.summary["message"]
    assert set(owners(tree).values()) == {(0, 0)}


def test_half_a_line_that_a_kill_left_is_no_damage(tree: Path, state: Path) -> None:
    subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(700)), check=False)
    state.write_bytes(state.read_bytes() + b"12345678 f 12")
    assert alone(tree, "--state", state).code == 0
    undone = alone(tree, "--state", state, "--undo")
    assert (undone.code, undone.summary["complete"]) == (0, True)


@pytest.mark.parametrize("content", [bytes(300), b"12345678 h 7b22"])
def test_a_state_of_which_a_power_cut_left_nothing_stops_no_run(tree: Path, state: Path, content: bytes) -> None:
    state.write_bytes(content)
    run = alone(tree, "--state", state)
    assert (run.code, run.summary["state"]["path"]) == (0, f"{state}.1")
    undone = alone(tree, "--state", state, "--undo")
    assert (undone.code, undone.summary["left_out"]) == (0, [state.name])
    assert set(owners(tree).values()) == {(0, 0)}
    assert state.read_bytes() == content


def test_what_another_process_wrote_is_put_on_disk_too(state: Path) -> None:
    both = [Record(str(state), {}, memoryview(bytearray(64)).cast("Q")) for _ in range(2)]
    for one in both:
        one.open(create=True) if one is both[0] else setattr(one, "fd", os.dup(both[0].fd))
    both[0].write("o 1 0:0 1")
    for lines in (2, 2):
        both[0].checkpoint()
        assert len(state.read_bytes().splitlines()) == lines
    both[1].write("o 2 0:0 2")
    both[0].checkpoint()
    assert len(state.read_bytes().splitlines()) == 4
    for one in both:
        one.close()


def test_the_state_is_small(tree: Path, state: Path) -> None:
    """Less than the inodes alone would take. How much less is up to the disk: other programs that make files meanwhile
    take inodes from the rows in which ours would lie."""
    assert alone(tree, "--state", state).code == 0
    assert state.stat().st_size < sum(len(str(path.lstat().st_ino)) for path in tree.rglob("*"))


def test_a_state_in_the_volume_is_left_alone(tree: Path) -> None:
    inside = tree / ".posit-audit-ownership.state"
    assert alone(tree, "--state", inside).code == 0
    assert owner(inside.stat()) == (0, 0)
    assert alone(tree, "--check").code == 0
    assert alone(tree, "--check", "--limit", 10**6).code == 0
    elsewhere = tree / "0" / "my.state"
    os.chown(tree / "1" / "d1" / "f1", 0, 0)
    assert alone(tree, "--state", elsewhere).code == 0
    assert owner(elsewhere.stat()) == (0, 0)


def test_only_records_are_left_alone_beside_the_state(tree: Path) -> None:
    names = ["own", "own.1", "own.job-1.0-of-2", "own.job-1.0-of-2.3", "own.note", "ownership", "own.1.note"]
    for name in names[1:]:
        (tree / "0" / name).touch()
    assert alone(tree, "--state", tree / "0" / "own").code == 0
    found = owners(tree)
    assert {name: found[f"0/{name}"] for name in names} == {
        name: (0, 0) if place < 4 else RIGHT for place, name in enumerate(names)
    }


# -- what a state must be ------------------------------------------------------------------------------------------


def refused(tree: Path, state: Path, *args: object) -> str:
    run = alone(tree, "--state", state, *args)
    assert run.code == 1
    return str(run.refusal["message"])


def test_a_state_that_others_can_write_is_not_trusted(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    state.chmod(0o622)
    assert "not trusted" in refused(tree, state)
    state.chmod(0o600)
    os.chown(state, UID, GID)
    assert "not trusted" in refused(tree, state, "--undo")
    os.chown(state, 0, 0)
    os.link(state, state.with_name("second"))
    assert "not trusted" in refused(tree, state)


def test_a_link_in_place_of_the_state_is_not_followed(tree: Path, state: Path) -> None:
    target = state.with_name("target")
    state.symlink_to(target)
    assert "is taken by something that is no regular file" in refused(tree, state)
    assert not target.exists()


@pytest.mark.parametrize("taken", ["directory", "pipe", "socket", "device", "server's file"])
def test_a_place_of_the_state_that_is_taken_refuses_before_any_owner_changes(
    tree: Path, state: Path, taken: str
) -> None:
    before = owners(tree)
    match taken:
        case "directory":
            state.mkdir()
        case "pipe":
            os.mkfifo(state)
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(state))
        case "device":
            os.mknod(state, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        case _:
            state.touch()
            os.chown(state, UID, GID)
    said = refused(tree, state)
    assert owners(tree) == before
    assert ("is taken by something" if taken != "server's file" else "is not trusted") in said


def test_a_state_of_another_run_or_of_nobody_is_refused(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    assert "belongs to another run" in refused(tree, state, "--uid", 1, "--gid", 1)
    state.write_text("hello\n")
    assert "not an ownership record" in refused(tree, state)
    assert "nothing is known to undo" in refused(tree, state.with_name("none"), "--undo")


def test_two_runs_do_not_share_a_state(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    with state.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = alone(tree, "--state", state, change=edited(("LOCK_WAIT = 10.0", "LOCK_WAIT = 0.1")))
    assert run.code == 1
    assert "Another run uses the ownership record" in run.lines[-1]["message"]


def test_a_lock_on_a_state_that_others_can_write_stops_no_run(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    state.chmod(0o660)
    (tree / "late").touch()
    with state.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = alone(tree, "--state", state, change=edited(("LOCK_WAIT = 10.0", "LOCK_WAIT = 0.1")))
    assert (run.code, run.summary["state"]["path"]) == (0, f"{state}.1")


def test_a_full_disk_under_the_state_does_not_stop_the_work_but_is_told(tree: Path, state: Path) -> None:
    full = (
        "import os\nreal = os.write\ndef write(fd, data):\n"
        "    if b' o ' in data: raise OSError(28, 'full')\n    return real(fd, data)\nos.write = write"
    )
    run = alone(tree, "--state", state, change=ONE_THREAD + full)
    assert (run.code, run.summary["complete"], run.summary["state"]["error"]) == (1, False, "ENOSPC")
    assert "disk of the ownership record" in run.summary["message"]
    assert set(owners(tree).values()) == {RIGHT}


def test_a_line_that_a_helper_could_not_write_is_told_and_swallows_no_other(tree: Path, state: Path) -> None:
    short = (
        "import os\nreal, parent, cut = os.write, os.getpid(), []\ndef write(fd, data):\n"
        "    if os.getpid() == parent or data[9:10] != b'o' or cut: return real(fd, data)\n"
        "    cut.append(1)\n    return real(fd, data[:len(data) // 2])\nos.write = write\n"
        # The first process gives directories away and waits until that has happened.
    )
    waits = (
        "def enter(self, *a):\n        time.sleep(0.1)\n"
        f"        while self.index == 0 and self.exchange.away and not self.words[{UNKEPT}]: time.sleep(0.01)\n"
        "        self.entered(*a)\n\n    def entered(self"
    )
    short += hands(2, 1) + edited(("def enter(self", waits))
    run = alone(tree, "--state", state, change=short)
    assert (run.code, run.summary["complete"], run.summary["state"]["error"]) == (1, False, "ENOSPC")
    torn = [line for line in state.read_bytes().splitlines() if line[:8] != b"%08x" % zlib.crc32(line[9:])]
    assert len(torn) == 1
    assert b" o " not in torn[0][9:]


# -- undo ----------------------------------------------------------------------------------------------------------


def test_undo_gives_back_each_owner_and_leaves_what_was_changed_since(tree: Path, state: Path) -> None:
    os.chown(tree / "0" / "d0" / "f0", 11, 12)
    os.chown(tree / "0" / "d0", 13, 14)
    os.chown(tree / "1" / "d1" / "f1", *RIGHT)
    (tree / "2" / "d2" / "f2").chmod(0o4755)
    before = owners(tree)
    assert alone(tree, "--state", state).code == 0
    os.chown(tree / "2" / "d2" / "f3", 77, 77)
    (tree / "0" / "d0" / "new").touch()
    os.chown(tree / "0" / "d0" / "new", *RIGHT)
    (tree / "3" / "d3").rename(tree / "3" / "renamed")

    run = alone(tree, "--state", state, "--undo")

    assert run.code == 0
    after = owners(tree)
    before["2/d2/f3"] = (77, 77)
    before["0/d0/new"] = RIGHT
    assert {path: after[path] for path in before if not path.startswith("3/d3")} == {
        path: who for path, who in before.items() if not path.startswith("3/d3")
    }
    assert not (tree / "2" / "d2" / "f2").stat().st_mode & 0o4000
    assert run.summary["mode_bits"]["dropped"]["samples"] == ["2/d2/f2"]


def test_an_undo_voids_what_was_done_and_can_itself_be_repeated(tree: Path, state: Path) -> None:
    subprocess.run(command(tree, "--state", state, change=ONE_THREAD + die_after(600)), check=False)
    killed = subprocess.run(command(tree, "--state", state, "--undo", change=ONE_THREAD + die_after(300)), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert alone(tree, "--state", state, "--undo").code == 0
    assert set(owners(tree).values()) == {(0, 0)}
    run = alone(tree, "--state", state)
    assert (run.code, run.summary["resumed"]) == (0, 0)
    assert set(owners(tree).values()) == {RIGHT}


def test_undo_leaves_what_took_the_inode_of_a_removed_file(tree: Path, state: Path) -> None:
    """Made after the record was last written; here the record is made older instead."""
    if subprocess.run(["stat", "-c", "%W", str(tree)], capture_output=True, check=True).stdout.strip() in (b"0", b"-"):
        pytest.skip("this file system does not tell when a file was made")
    assert alone(tree, "--state", state).code == 0
    wrote = state.stat().st_mtime
    os.utime(state, (wrote - 3600, wrote - 3600))
    run = alone(tree, "--state", state, "--undo")
    assert (run.code, run.summary["changed"]) == (0, 0)
    assert run.summary["skipped"]["made after the run"]["count"] == len(owners(tree))


def test_each_finished_run_is_undone_by_itself(tree: Path, state: Path) -> None:
    first = alone(tree, "--state", state).summary["records"]
    (tree / "late").touch()
    os.chown(tree / "late", 7, 7)
    second = alone(tree, "--state", state).summary["records"]
    run = alone(tree, "--state", state, "--undo", "--record", *second)
    assert (run.code, run.summary["changed"]) == (0, 1)
    assert owner((tree / "late").stat()) == (7, 7)
    assert alone(tree, "--state", state, "--undo", "--record", *first).summary["changed"] == len(owners(tree)) - 1


def test_a_run_is_undone_with_the_failed_one_that_it_went_on_from(tree: Path, state: Path) -> None:
    stuck = "import os\nreal = os.chown\ndef chown(name, *a, **k):\n    if name == b'f7': raise OSError(5, '')\n"
    assert alone(tree, "--state", state, change=stuck + "    real(name, *a, **k)\nos.chown = chown").code == 1
    run = alone(tree, "--state", state)
    assert run.summary["state"]["path"] == f"{state}.1"
    assert alone(tree, "--state", state, "--undo", "--record", *run.summary["records"]).code == 0
    assert set(owners(tree).values()) == {(0, 0)}


def test_the_record_of_another_owner_does_not_stop_undo(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    assert alone(tree, "--shard", "0/2", "--state", f"{state}.job-1", "--uid", 7, "--gid", 7).code == 0
    for path in (tree, *tree.rglob("*")):
        os.chown(path, *RIGHT)
    run = alone(tree, "--state", state, "--undo")
    assert (run.code, run.summary["left_out"]) == (0, [f"{state.name}.job-1.0-of-2"])
    assert set(owners(tree).values()) == {(0, 0)}
    assert "belongs to another run" in refused(tree, state, "--undo", "--uid", 7, "--gid", 8)


def test_a_state_whose_name_ends_in_a_number_is_undone_by_its_digest(tree: Path, tmp_path: Path) -> None:
    state = tmp_path / "own.2024"
    records = alone(tree, "--state", state).summary["records"]
    run = alone(tree, "--state", state, "--undo", "--record", *records)
    assert (run.code, run.summary["changed"]) == (0, len(owners(tree)))


# -- shards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_shards_cover_each_entry_once_and_the_last_to_finish_does_the_top(
    tree: Path, state: Path, order: tuple[int, ...]
) -> None:
    entries = len(owners(tree))
    changed = []
    for index in order:
        assert owner(tree.stat()) == (0, 0)
        run = alone(tree, "--shard", f"{index}/3", "--state", state)
        assert run.code == 0
        changed.append(run.summary["changed"])
    assert set(owners(tree).values()) == {RIGHT}
    assert sum(changed) == entries
    assert all(part > 100 for part in changed)
    assert alone(tree, "--undo", "--state", state).code == 0
    assert set(owners(tree).values()) == {(0, 0)}


def test_one_undo_takes_back_what_a_plain_run_and_the_shards_of_a_later_job_did(tree: Path, state: Path) -> None:
    assert alone(tree, "--state", state).code == 0
    late = tree / "late"
    late.mkdir()
    (late / "file").touch()
    for index in (0, 1):
        assert alone(tree, "--shard", f"{index}/2", "--state", f"{state}.job-1").code == 0
    assert set(owners(tree).values()) == {RIGHT}
    assert alone(tree, "--undo", "--state", state).code == 0
    assert set(owners(tree).values()) == {(0, 0)}


def test_a_later_shard_finds_at_its_new_place_what_another_moved_aside(tree: Path, state: Path) -> None:
    """Whichever begins first moves it, before any of them lists a directory."""
    (tree / "verify").mkdir()
    (tree / "verify" / "activation").touch()
    moved = [
        alone(tree, "--shard", f"{index}/2", "--state", state, "--move-aside", "verify").summary["moved_aside"][0]
        for index in (1, 0)
    ]
    assert [row["moved"] for row in moved] == [True, False]
    assert set(owners(tree).values()) == {RIGHT}
    assert alone(tree, "--undo", "--state", state).code == 0
    assert (tree / "verify" / "activation").exists()


def test_the_top_stays_wrong_until_all_shards_are_done_without_failures(tree: Path, state: Path) -> None:
    stuck = "import os\nreal = os.chown\ndef chown(name, *a, **k):\n    if name == b'f7': raise OSError(5, '')\n"
    stuck += "    real(name, *a, **k)\nos.chown = chown"
    assert alone(tree, "--shard", "0/2", "--state", state, change=stuck).code == 1
    assert alone(tree, "--shard", "1/2", "--state", state).code == 0
    assert owner(tree.stat()) == (0, 0)
    assert alone(tree, "--shard", "0/2", "--state", state).code == 0
    assert set(owners(tree).values()) == {RIGHT}


def test_a_shard_that_finished_is_believed_whatever_its_checkpoint_says_afterwards(tree: Path, state: Path) -> None:
    assert alone(tree, "--shard", "0/2", "--state", state).code == 0
    with state.with_name(f"{state.name}.0-of-2").open("ab") as late:
        late.write(b"%08x c 5\n" % zlib.crc32(b"c 5"))
    assert alone(tree, "--shard", "1/2", "--state", state).code == 0
    assert set(owners(tree).values()) == {RIGHT}


def test_shards_without_a_state_leave_the_top_to_a_plain_run(tree: Path) -> None:
    for index in (0, 1):
        assert alone(tree, "--shard", f"{index}/2").code == 0
    found = owners(tree)
    assert found.pop(".") == (0, 0)
    assert set(found.values()) == {RIGHT}
    run = alone(tree)
    assert (run.code, run.summary["changed"]) == (0, 1)


# -- moving aside --------------------------------------------------------------------------------------------------


def test_a_name_that_is_not_ascii_is_moved_back_and_one_that_is_gone_is_told(tree: Path, state: Path) -> None:
    name = os.fsdecode("caf\u00e9".encode() + b"\xff")
    (tree / name).touch()
    (tree / "gone").touch()
    run = alone(tree, "--state", state, "--move-aside", name, "--move-aside", "gone")
    moved, gone = run.summary["moved_aside"]
    assert moved["moved"]
    aside = tree / gone["to"]
    aside.rename(tree / "elsewhere")
    undone = alone(tree, "--state", state, "--undo")
    assert undone.code == 1
    assert [row.get("error") for row in undone.summary["moved_aside"]] == ["ENOENT", None]
    assert (tree / name).exists()
    (tree / "elsewhere").rename(aside)
    again = alone(tree, "--state", state, "--undo")
    assert (again.code, [row["moved"] for row in again.summary["moved_aside"]]) == (0, [True, False])


def test_roots_leftover_is_moved_aside_once_and_comes_back_with_undo(tree: Path, state: Path) -> None:
    (tree / "verify").mkdir()
    (tree / "verify" / "activation").write_text("root's")
    looked = alone(tree, "--check", "--move-aside", "verify")
    assert looked.summary["moved_aside"] == [{"path": "verify", "moved": False, "owner": "0:0", "why": "found"}]
    run = alone(tree, "--state", state, "--move-aside", "verify", "--move-aside", "never/there")
    moved, absent = run.summary["moved_aside"]
    assert (run.code, moved["moved"], moved["owner"], absent["why"]) == (0, True, "0:0", "absent")
    assert moved["to"].startswith("verify.posit-audit-")
    assert (tree / moved["to"] / "activation").read_text() == "root's"
    assert set(owners(tree).values()) == {RIGHT}

    (tree / "verify").mkdir()
    (tree / "verify" / "fresh").touch()
    for path in (tree / "verify", tree / "verify" / "fresh"):
        os.chown(path, *RIGHT)
    again = alone(tree, "--state", state, "--move-aside", "verify")
    assert again.summary["moved_aside"][0]["why"] == "belongs to the new owner"

    held = alone(tree, "--state", state, "--undo")
    assert (held.code, held.summary["moved_aside"][0]["error"]) == (1, "EEXIST")
    subprocess.run(["rm", "-r", str(tree / "verify")], check=True)
    back = alone(tree, "--state", state, "--undo")
    assert (back.code, back.summary["moved_aside"][0]["moved"]) == (0, True)
    assert (tree / "verify" / "activation").read_text() == "root's"
    assert set(owners(tree).values()) == {(0, 0)}


def test_moving_aside_follows_no_link(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "verify").mkdir(parents=True)
    (tree / "link").symlink_to(outside)
    run = alone(tree, "--move-aside", "link/verify")
    assert run.code == 1
    assert run.summary["moved_aside"][0]["why"] == "failed"
    assert (outside / "verify").exists()


# -- looking -------------------------------------------------------------------------------------------------------


def test_a_check_tells_what_is_wrong_by_owner_and_changes_nothing(tree: Path) -> None:
    for path in tree.rglob("*"):
        os.chown(path, *RIGHT)
    assert alone(tree, "--check").code == 2  # the top alone
    os.chown(tree, *RIGHT)
    assert alone(tree, "--check").code == 0
    os.chown(tree / "0" / "d0" / "f0", 0, 0)
    os.chown(tree / "0" / "d0" / "f1", UID, 0)
    run = alone(tree, "--check")
    assert run.code == 2
    assert run.summary["wrong_by_owner"] == {
        "0:0": {"count": 1, "samples": ["0/d0/f0"]},
        f"{UID}:0": {"count": 1, "samples": ["0/d0/f1"]},
    }
    assert run.summary["root_right"]
    assert owner((tree / "0" / "d0" / "f0").stat()) == (0, 0)


def test_a_limit_larger_than_the_tree_sees_everything(tree: Path) -> None:
    entries = len(owners(tree))
    run = alone(tree, "--check", "--limit", 10 * entries)
    assert (run.code, run.summary["seen"], run.summary["wrong"]) == (2, entries, entries)
    assert run.summary["looked"]["exhaustive"]
    assert run.summary["complete"]
    assert run.summary["looked"]["wrong_directories_share"] == 0


def test_a_limited_look_meets_deep_faults_and_says_what_it_would_have_met(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    for i in range(150):
        folder = root / f"a{i % 5}" / f"b{i}" / "c"
        folder.mkdir(parents=True)
        for j in range(20):
            (folder / f"f{j}").touch()
    for path in (root, *root.rglob("*")):
        os.chown(path, *RIGHT)
    for path in root.glob("a1/b*/c/f*"):  # a fifth of the leaves, nothing in the first levels
        os.chown(path, 0, 0)
    run = alone(root, "--check", "--limit", 1000, change="import os\nos.urandom = bytes  # no chance")
    looked = run.summary["looked"]
    assert run.code == 2
    assert not looked["exhaustive"]
    assert not run.summary["complete"]
    assert run.summary["wrong_by_owner"]["0:0"]["samples"][0].startswith("a1/")
    assert 950 <= run.summary["seen"] <= 1300
    assert 0 < looked["wrong_directories_share"] < 0.2
    assert 1800 < looked["estimated_entries"] < 5500

    for path in root.glob("a1/b*/c/f*"):
        os.chown(path, *RIGHT)
    clean = alone(root, "--check", "--limit", 1000)
    assert (clean.code, clean.summary["complete"]) == (0, False)


def test_a_limited_look_counts_as_the_full_one_and_keeps_its_limit(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, *RIGHT)
    os.chown(tree / "0" / "d0" / "f0", 0, 0)
    os.link(tree / "0" / "d0" / "f0", tree / "1" / "again")
    os.chown(tree / "2" / "d2", 0, 0)
    assert alone(tree, "--check").summary["wrong"] == 2
    assert alone(tree, "--check", "--limit", 10**6).summary["wrong"] == 2
    assert [alone(tree, "--check", "--limit", limit).summary["seen"] for limit in (60, 500)] == [60, 500]


def test_a_limited_look_ends_where_there_is_nothing_new_to_look_at(tmp_path: Path) -> None:
    """Of a large directory a part is looked at, so that not all of the limit is used."""
    root = tmp_path / "volume"
    for i in range(12):
        (root / f"d{i}").mkdir(parents=True)
        for j in range(400):
            (root / f"d{i}" / f"f{j}").touch()
    os.chown(root, *RIGHT)
    run = alone(root, "--check", "--limit", 2500, "--seconds", 20)
    assert run.code == 2
    assert run.summary["seconds"] < 5
    assert 1250 < run.summary["seen"] <= 2500


def test_shares_are_what_even_draws_would_meet() -> None:
    share = smallest_share(100)
    assert (1 - share) ** 100 == pytest.approx(0.05, rel=1e-3)
    assert smallest_share(0) == 1.0


def test_a_look_that_saw_nothing_is_no_pass(tree: Path) -> None:
    os.chown(tree, *RIGHT)
    run = alone(tree, "--check", "--limit", 1)
    assert (run.code, run.summary["seen"], run.summary["looked"]["wrong_directories_share"]) == (1, 1, 1.0)


def test_an_unreadable_directory_is_no_pass(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, *RIGHT)
    change = (
        "import os\nreal = os.open\ndef refuse(name, *a, **k):\n"
        "    if name == 'd3': raise OSError(13, 'injected')\n    return real(name, *a, **k)\nos.open = refuse"
    )
    for args in ((), ("--limit", 10**6)):
        run = alone(tree, "--check", *args, change=change)
        assert (run.code, run.summary["complete"]) == (1, False)
        assert not run.summary["looked"]["exhaustive"]
        assert run.summary["failures"]["EACCES"] == {"count": 1, "samples": ["3/d3"]}


def test_it_runs_as_a_module(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auditor.worker.ownership", str(tree), "--uid", "1", "--gid", "1", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "summary"
