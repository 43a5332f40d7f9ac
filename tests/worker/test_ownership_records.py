"""Which records undo believes: on a volume with fsGroup the kubelet lets the server's group write them."""

from __future__ import annotations

import os
import signal
import subprocess
import zlib
from pathlib import Path

import pytest

from auditor.worker.ownership.names import ROOT_KEY, key_below
from tests.worker.ownership_run import GID, ONE_THREAD, UID, Run, alone, command, edited, owners

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root")
RIGHT, ROOT = (UID, GID), (0, 0)
DIE_AFTER = (
    "import os\nreal, left = os.chown, [{}]\ndef chown(*a, **k):\n    left[0] -= 1\n"
    "    if left[0] < 0: os.kill(os.getpid(), 9)\n    real(*a, **k)\nos.chown = chown"
)


@pytest.fixture
def state(tree: Path) -> Path:
    return tree / ".posit-audit-ownership.state"


def done(tree: Path, state: Path, *args: object) -> list[str]:
    """The digests that a run tells, as undo takes them."""
    run = alone(tree, "--state", state, *args)
    assert run.code == 0
    return [f"--record={record}" for record in run.summary["records"]]


def walked(*records: Path) -> None:
    """What the kubelet does for a pod with fsGroup."""
    for record in records:
        os.chown(record, -1, GID)
        record.chmod(record.stat().st_mode | 0o660)


def refused(tree: Path, state: Path, *records: str) -> str:
    """What undo says; no owner and no record may be another than before."""
    before, content = owners(tree), state.read_bytes() if state.exists() else b""
    run = alone(tree, "--state", state, "--undo", *records)
    assert (run.code, run.refusal["event"]) == (1, "refusal")
    assert owners(tree) == before
    assert content == (state.read_bytes() if state.exists() else b"")
    message = str(run.lines[-1]["message"])
    assert "No owner was changed." in message
    return message


def undone(tree: Path, state: Path, *records: str, change: str = "pass") -> Run:
    run = alone(tree, "--state", state, "--undo", *records, change=change)
    assert run.code == 0, run.lines[-1]
    return run


def given(tree: Path) -> set[tuple[int, int]]:
    return {who for path, who in owners(tree).items() if not path.startswith(".posit-audit")}


def line(body: str) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(body.encode()), body.encode())


def forged(tree: Path) -> bytes:
    """A whole line that gives a file to the attacker."""
    folder = tree / "0" / "d0"
    key = key_below(key_below(ROOT_KEY, "0"), "d0")
    return line(f"o {key:x} 666:666 {(folder / 'f0').stat().st_ino:x}")


def tampered(content: bytes) -> bytes:
    """The same number of bytes, each line with the checksum that it needs."""
    lines = [row[9:].decode() for row in content.splitlines()]
    return b"".join(line(body.replace(" 0:0 ", " 6:6 ")) for body in lines)


def test_a_record_that_the_kubelet_opened_to_fs_group_undoes_with_its_digest(tree: Path, state: Path) -> None:
    records = done(tree, state)
    walked(state)
    assert undone(tree, state, *records).summary["changed"] == len(owners(tree)) - 1
    assert given(tree) == {ROOT}


@pytest.mark.parametrize("mode", [0o660, 0o600])
def test_a_changed_record_is_refused_whoever_may_write_it_now(tree: Path, state: Path, mode: int) -> None:
    records = done(tree, state)
    walked(state)
    state.write_bytes(tampered(state.read_bytes()))
    state.chmod(mode)
    said = refused(tree, state, *records)
    assert "was changed after the run that wrote it" in said
    assert str(state) in said
    assert "snapshot or backup" in said


def test_a_shortened_record_is_refused(tree: Path, state: Path) -> None:
    records = done(tree, state)
    state.write_bytes(state.read_bytes()[:-40])
    assert "was changed after the run that wrote it" in refused(tree, state, *records)


def test_a_record_that_is_gone_or_replaced_is_refused(tree: Path, state: Path) -> None:
    records = done(tree, state)
    state.rename(state.with_name("elsewhere"))
    assert "no longer exists" in refused(tree, state, *records)
    state.write_text("x")
    os.chown(state, *RIGHT)
    assert "is not trusted" in alone(tree, "--state", state, "--undo", *records).lines[-1]["message"]


def test_lines_that_were_added_are_refused(tree: Path, state: Path) -> None:
    records = done(tree, state)
    walked(state)
    honest = state.read_bytes()
    for added in (forged(tree), line("m 61 62"), line("k") + forged(tree), line("unheard of")):
        state.write_bytes(honest + added)
        said = refused(tree, state, *records)
        assert "names more owners than at the end of the run that you undo" in said
    state.write_bytes(honest + b"half a li")  # which no reader takes for a line
    undone(tree, state, *records)
    assert given(tree) == {ROOT}


def test_marks_that_were_forged_keep_nothing_from_being_given_back(tree: Path, state: Path) -> None:
    """Undo's own word for "all before this is taken back" is not believed where others could have said it."""
    records = done(tree, state)
    walked(state)
    state.write_bytes(state.read_bytes() + line("z"))
    undone(tree, state, *records)
    assert given(tree) == {ROOT}


def test_without_its_digest_a_record_is_believed_while_it_is_roots_alone(tree: Path, state: Path) -> None:
    done(tree, state)
    walked(state)
    said = refused(tree, state)
    assert f"its group can write it (owner 0:{GID}, mode 660" in said
    assert "undo the journal of that run" in said
    assert "chmod 600" in said
    state.chmod(0o600)
    undone(tree, state)
    assert given(tree) == {ROOT}


def test_an_undo_that_was_killed_goes_on_with_the_same_digest(tree: Path, state: Path) -> None:
    records = done(tree, state)
    walked(state)
    cut = command(tree, "--state", state, "--undo", *records, change=ONE_THREAD + DIE_AFTER.format(300))
    assert subprocess.run(cut, check=False, stdout=subprocess.DEVNULL).returncode == -signal.SIGKILL
    assert given(tree) == {RIGHT, ROOT}
    undone(tree, state, *records)
    assert given(tree) == {ROOT}
    undone(tree, state, *records)
    assert given(tree) == {ROOT}


def test_what_is_written_after_the_look_is_not_read(tree: Path, state: Path) -> None:
    records = done(tree, state)
    walked(state)
    read = "kept.former = Former(kept.records)"
    undone(tree, state, *records, change=edited((read, f"os.ftruncate(kept.record.fd, 0); {read}")))
    assert given(tree) == {ROOT}


def test_the_digest_of_a_run_that_was_resumed_is_that_of_the_whole(tree: Path, state: Path) -> None:
    cut = command(tree, "--state", state, change=ONE_THREAD + DIE_AFTER.format(300))
    assert subprocess.run(cut, check=False).returncode == -signal.SIGKILL
    records = done(tree, state)
    walked(state)
    undone(tree, state, *records)
    assert given(tree) == {ROOT}


def test_what_others_may_have_written_is_not_taken_over_by_a_later_run(tree: Path, state: Path) -> None:
    """Else its digest would vouch for what they wrote."""
    cut = command(tree, "--state", state, change=ONE_THREAD + DIE_AFTER.format(300))
    assert subprocess.run(cut, check=False).returncode == -signal.SIGKILL
    walked(state)
    state.write_bytes(state.read_bytes() + forged(tree))
    left = state.read_bytes()

    run = alone(tree, "--state", state)

    assert (run.code, run.summary["resumed"], given(tree)) == (0, 0, {RIGHT})
    assert run.summary["state"]["path"] == f"{state}.1"
    (record,) = run.summary["records"]
    assert record.startswith(f"{state.name}.1:")
    assert state.read_bytes() == left
    assert "its digest is unknown" in refused(tree, state)
    assert undone(tree, state, f"--record={record}").summary["left_out"] == [state.name]
    assert (666, 666) not in given(tree)
    assert RIGHT in given(tree)  # what the run that was killed changed stays: nobody can vouch for its record


def test_each_run_takes_back_what_its_digest_names(tree: Path, state: Path) -> None:
    first = done(tree, state)
    walked(state)
    late = tree / "late"
    late.touch()
    second = done(tree, state)
    walked(state.with_name(state.name + ".1"))

    assert undone(tree, state, *second).summary["changed"] == 1
    assert late.stat().st_uid == 0
    assert given(tree) == {RIGHT, ROOT}
    undone(tree, state, *first, *second)
    assert given(tree) == {ROOT}


def test_what_an_attacker_leaves_beside_the_record_does_not_stop_undo(tree: Path, state: Path) -> None:
    records = done(tree, state)
    junk, link = state.with_name(state.name + ".7"), state.with_name(state.name + ".8")
    junk.write_bytes(forged(tree))
    os.chown(junk, *RIGHT)
    link.symlink_to(junk)
    state.with_name(state.name + ".note").write_text("not a record at all")
    (folder := state.with_name(state.name + ".9")).mkdir()
    assert undone(tree, state, *records).summary["left_out"] == [junk.name, link.name, folder.name]
    assert given(tree) == {ROOT}


def test_what_an_attacker_leaves_beside_the_record_does_not_stop_undo_without_a_digest(tree: Path, state: Path) -> None:
    done(tree, state)
    junk, link = state.with_name(state.name + ".7"), state.with_name(state.name + ".8")
    junk.write_bytes(forged(tree))
    os.chown(junk, *RIGHT)
    link.symlink_to(junk)
    assert undone(tree, state).summary["left_out"] == [junk.name, link.name]
    assert given(tree) == {ROOT}


def test_setuid_bits_come_off_before_a_file_is_roots_again(tree: Path, state: Path) -> None:
    """Not every file server clears them by itself."""
    records = done(tree, state)
    file = tree / "0" / "d0" / "f0"
    file.chmod(0o6755)
    keeps = (
        "import os\nreal = os.chown\ndef chown(name, *a, **k):\n    mode = os.stat(name, **k).st_mode & 0o7777\n"
        "    real(name, *a, **k)\n    os.chmod(name, mode, **{x: k[x] for x in k if x == 'dir_fd'})\nos.chown = chown"
    )
    run = undone(tree, state, *records, change=ONE_THREAD + keeps)
    assert (file.stat().st_uid, file.stat().st_mode & 0o7777) == (0, 0o755)
    assert run.summary["mode_bits"]["dropped"]["samples"] == ["0/d0/f0"]


def test_a_record_that_was_opened_while_the_run_went_on_has_no_digest(tree: Path, state: Path) -> None:
    opened = (
        "import os\nreal = os.fchown\ndef fchown(*a):\n"
        f"    os.chmod({str(state)!r}, 0o660)\n    real(*a)\nos.fchown = fchown"
    )
    run = alone(tree, "--state", state, change=ONE_THREAD + opened)
    assert (run.code, run.summary["records"]) == (0, [])


def test_every_shard_vouches_for_its_own_record(tree: Path, state: Path) -> None:
    job = state.with_name(state.name + ".job-1")
    records = [record for index in range(3) for record in done(tree, job, "--shard", f"{index}/3")]
    parts = sorted(tree.glob(".posit-audit*"))
    assert [record.split("=")[1].split(":")[0] for record in records] == [part.name for part in parts]
    walked(*parts)
    assert "its digest is unknown" in refused(tree, state, *records[:2])  # one pod's log could not be read
    assert "no longer exists" in refused(tree, state, *records, records[0].replace("0-of-3", "3-of-4"))
    undone(tree, state, *records)
    assert given(tree) == {ROOT}


def test_a_shard_whose_record_was_opened_begins_another_and_the_last_still_does_the_top(
    tree: Path, state: Path
) -> None:
    def cut_off(index: int) -> None:
        arguments = (tree, "--shard", f"{index}/2", "--state", state)
        assert subprocess.run(command(*arguments, change=ONE_THREAD + DIE_AFTER.format(20)), check=False).returncode < 0

    cut_off(0)
    walked(state.with_name(state.name + ".0-of-2"))
    records = done(tree, state, "--shard", "0/2")
    assert records[0].startswith(f"--record={state.name}.0-of-2.1:")
    records += done(tree, state, "--shard", "1/2")
    assert given(tree) == {RIGHT}
    assert "0-of-2 can contain changes" in refused(tree, state, *records)


@pytest.mark.parametrize("wrong", ["x", "name:1:abc", "name:-1:" + "0" * 64, ":1:" + "0" * 64])
def test_what_is_no_digest_is_refused(tree: Path, state: Path, wrong: str) -> None:
    run = alone(tree, "--state", state, "--undo", "--record", wrong)
    assert (run.code, run.refusal["code"]) == (1, "bad-arguments")
    alone_it = alone(tree, "--record", f"name:1:{'0' * 64}")
    assert "--record goes with --undo" in alone_it.lines[-1]["message"]
