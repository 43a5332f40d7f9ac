"""Both programs keep one contract: the real command lines, run in what images have, judged by the file system."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.worker import commands, messages
from auditor.worker.limits import ALWAYS, IN_WORDS
from auditor.worker.ownership.skipped import SKIP_AT_TOP, SKIP_DIRECTORIES
from tests.worker.containers import BASH, GNU, SHELLS, UNDER_OPT, WITH_PYTHON, WITHOUT, Image, Pod, Said

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")

NAMES = ("plain", "with space", "-rf", "line\nbreak", "quote\"'`$(id)", "\udcff\udcfe", "*", "e - - -", "öl")


@pytest.fixture(params=[*WITH_PYTHON, *WITHOUT], ids=lambda image: image.name)
def image(request: pytest.FixtureRequest) -> Image:
    return request.param


@pytest.fixture
def pod(image: Image, tmp_path: Path) -> Pod:
    return pod_of(image, tmp_path)


def pod_of(image: Image, tmp_path: Path) -> Pod:
    volume, scratch = tmp_path / "volume", tmp_path / "scratch"
    scratch.mkdir()
    for folder in ("packages/a", "packages/with space\nand break", "empty"):
        (volume / folder).mkdir(parents=True)
        for number, name in enumerate(NAMES):
            path = volume / folder / name
            path.touch()
            os.chown(path, 0 if number % 3 else 1000 + number, number)
    (volume / "packages" / "outside").symlink_to("/etc")
    (volume / "packages" / "dangling").symlink_to("nowhere")
    setuid = volume / "packages" / "tool"
    setuid.touch()
    setuid.chmod(0o4755)
    right = volume / "packages" / "right"
    right.touch()
    os.chown(right, 999, 999)
    return Pod(image, volume, scratch, python=image in WITH_PYTHON)


def left_alone(volume: Path) -> None:
    for name in SKIP_AT_TOP:
        (volume / name).mkdir()
        (volume / name / "inside").touch()
    for name in SKIP_DIRECTORIES:
        (volume / "packages" / name).mkdir()
        (volume / "packages" / name / "inside").touch()
    (volume / ".posit-audit-of-another").touch()


def test_everything_is_changed_but_what_is_left_alone_and_undo_brings_back_each_owner(pod: Pod) -> None:
    left_alone(pod.volume)
    before = pod.owners()
    etc = Path("/etc").stat().st_uid

    said = pod.change()

    assert said.code == 0, said
    skipped = {*SKIP_AT_TOP, *(f"packages/{name}" for name in SKIP_DIRECTORIES)}
    after = pod.owners()
    for name, owner in after.items():
        alone = any(name == one or name.startswith(f"{one}/") for one in skipped)
        assert owner == (before[name] if alone else "999:999"), name
    assert Path("/etc").stat().st_uid == etc
    assert (pod.volume / "packages" / "tool").stat().st_mode & 0o7777 == 0o4755
    assert said.started.tool == ("python" if pod.python else "posix")
    wrong = sum(before[name] != owner for name, owner in after.items())
    assert (said.summary.changed, said.summary.failed) == (wrong, 0)
    (record,) = said.summary.records or ()
    status = os.lstat(pod.volume / record.split(":")[0])
    assert (status.st_uid, status.st_mode & 0o777) == (0, 0o600)

    undone = pod.undo(record)

    assert undone.code == 0, undone
    assert pod.owners() == before
    assert undone.summary.changed == wrong


def test_a_second_run_changes_nothing_and_a_second_undo_neither(pod: Pod) -> None:
    (record,) = pod.change().summary.records or ()
    again = pod.change()
    assert (again.code, again.summary.changed, again.summary.records or ()) == (0, 0, ())
    assert pod.undo(record).code == 0
    before = pod.owners()
    assert pod.undo().code in (0, 1)
    assert pod.owners() == before


def special(volume: Path) -> None:
    """A program of root's keeps its bits, those of a third user lose them; a directory never does."""
    for name, owner, mode in (("roots", 0, 0o4755), ("a third's", 1000, 0o4755), ("line\nbreak", 1001, 0o2755)):
        path = volume / "packages" / name
        path.touch()
        os.chown(path, owner, owner)
        path.chmod(mode)
    (volume / "packages" / "folder").mkdir()
    (volume / "packages" / "folder").chmod(0o2755)


def test_files_that_lose_setuid_or_setgid_bits_are_named(pod: Pod) -> None:
    special(pod.volume)

    said = pod.change()

    dropped = (said.summary.mode_bits or {})["dropped"]
    third, broken = sorted(dropped.samples)
    assert (dropped.count, third) == (2, "packages/a third's")
    assert re.fullmatch(r"packages/line[\n?]break", broken)
    kept = {name: (pod.volume / "packages" / name).stat().st_mode & 0o7777 for name in ("roots", "a third's", "folder")}
    assert kept == {"roots": 0o4755, "a third's": 0o755, "folder": 0o2755}

    undone = pod.undo(*(said.summary.records or ()))

    dropped = (undone.summary.mode_bits or {})["dropped"]
    assert (dropped.count, *sorted(dropped.samples)) == (2, "packages/roots", "packages/tool")


def test_no_file_loses_bits_where_none_has_any(pod: Pod) -> None:
    (pod.volume / "packages" / "tool").unlink()
    assert not pod.change().summary.mode_bits


def test_roots_activations_are_moved_aside_and_back(pod: Pod) -> None:
    (pod.volume / "verify").mkdir()
    (pod.volume / "verify" / "license").touch()
    said = pod.change("verify", "absent/too")
    absent, moved = sorted(said.summary.moved_aside or (), key=lambda one: one.path)
    assert (moved.path, moved.moved, absent.moved, absent.why) == ("verify", True, False, "absent")
    assert re.fullmatch(r"verify\.posit-audit-\d{8}T\d{6}Z", moved.to)
    assert not (pod.volume / "verify").exists()
    assert pod.owners()[f"{moved.to}/license"] == "999:999"
    again = pod.change("verify")
    assert again.summary.moved_aside is not None
    assert not again.summary.moved_aside[0].moved

    assert pod.undo(*(said.summary.records or ())).code == 0
    assert pod.owners()["verify/license"] == "0:0"
    assert not (pod.volume / moved.to).exists()


def test_nothing_is_moved_aside_through_a_link(pod: Pod, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "verify").mkdir(parents=True)
    (pod.volume / "link").symlink_to(tmp_path / "elsewhere")
    said = pod.change("link/verify")
    assert [one.moved for one in said.summary.moved_aside or ()] == [False]
    assert (tmp_path / "elsewhere" / "verify").is_dir()


def test_what_the_new_owner_has_is_not_moved_aside(pod: Pod) -> None:
    (pod.volume / "verify").mkdir()
    os.chown(pod.volume / "verify", 999, 999)
    (one,) = pod.change("verify").summary.moved_aside or ()
    assert (one.moved, one.why) == (False, "belongs to the new owner")


@pytest.mark.parametrize("how", ["replaced", "appended", "gone", "cut"])
def test_a_record_is_believed_by_its_digest_alone(pod: Pod, how: str) -> None:
    (record,) = pod.change().summary.records or ()
    path = pod.volume / record.split(":")[0]
    after = pod.owners()
    if how == "replaced":
        path.write_bytes(path.read_bytes().replace(b"0:0", b"4:4"))
    elif how == "appended":
        with path.open("ab") as file:
            file.write(b"o 5:5 1 ./packages\0")
    elif how == "gone":
        path.unlink()
    else:
        os.truncate(path, 40)
    said = pod.undo(record)
    if how == "appended" and not pod.python:
        assert said.code == 0  # the bytes that were sealed are all that counts
        assert "5:5" not in pod.owners().values()
        return
    if how == "appended":
        return  # the worker's own tests say what may stand after them
    assert (said.code, said.refusal.code) == (1, "record-gone" if how == "gone" else "record-changed")
    assert pod.owners() == after


@pytest.mark.parametrize("mode", [0o660, 0o606])
def test_a_record_that_others_may_write_is_not_believed_without_its_digest(pod: Pod, mode: int) -> None:
    (record,) = pod.change().summary.records or ()
    (pod.volume / record.split(":")[0]).chmod(mode)
    after = pod.owners()
    said = pod.undo()
    assert (said.code, said.refusal.code) == (1, "record-open")
    assert pod.owners() == after
    if mode == 0o660:  # as kubelet leaves it with fsGroup: its digest vouches for it
        assert pod.undo(record).code == 0


def take(place: Path, how: str) -> None:
    match how:
        case "link":
            place.symlink_to("/etc/passwd")
        case "dangling":
            place.symlink_to("nowhere")
        case "directory":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case _:
            place.write_text("no record at all\n")
            if how == "server's":
                os.chown(place, 999, 999)


@pytest.mark.parametrize("how", ["link", "dangling", "directory", "pipe", "server's", "root's"])
def test_a_place_of_the_record_that_is_taken_refuses_before_any_owner_changes(pod: Pod, how: str) -> None:
    (record,) = pod.change().summary.records or ()
    place = pod.volume / record.split(":")[0]
    place.unlink()
    (pod.volume / "packages" / "new").touch()
    take(place, how)
    before = pod.owners()
    code = "record-open" if how == "server's" else "not-a-record"
    said = pod.change()
    assert (said.code, said.refusal.code) == (1, code)
    assert place.name in said.refusal.message
    assert pod.undo().refusal.code == code
    if how in ("link", "directory", "pipe"):
        assert pod.undo(record).refusal.code == code
    assert pod.owners() == before


def test_what_is_left_beside_the_record_is_listed_and_does_not_stop_undo(pod: Pod) -> None:
    before = pod.owners()
    (record,) = pod.change().summary.records or ()
    name = record.split(":")[0]
    for number, how in ((1, "link"), (7, "server's"), (8, "dangling"), (9, "directory")):
        take(pod.volume / f"{name}.{number}", how)
    said = pod.undo(record)
    assert (said.code, sorted(said.summary.left_out or ())) == (0, [f"{name}.{number}" for number in (1, 7, 8, 9)])
    assert pod.owners() == before


@pytest.mark.parametrize("image", [GNU, BASH], ids=lambda image: image.name)
def test_the_twin_takes_setuid_bits_off_before_a_file_is_roots_again(image: Image, tmp_path: Path) -> None:
    """Not every file server clears them by itself."""
    pod = pod_of(image, tmp_path)
    (record,) = pod.change().summary.records or ()
    file = pod.volume / "packages" / "a" / "with space"
    file.chmod(0o6755)
    keeps = """for path do :; done
    mode=$(stat -c %a "$path")
    "$tool" "$@" || exit
    case $path in *"/with space") exec chmod "$mode" "$path" ;; esac
    exit 0"""
    said = replace(pod, image=with_tool(image, tmp_path, "chown", keeps)).undo(record)
    assert said.code == 0, said
    assert (file.stat().st_uid, file.stat().st_mode & 0o7777) == (0, 0o755)
    assert "packages/a/with space" in (said.summary.mode_bits or {})["dropped"].samples


def test_without_a_record_there_is_nothing_to_undo(pod: Pod) -> None:
    said = pod.undo()
    assert (said.code, said.refusal.code) == (1, "nothing-to-undo")


def test_undo_goes_through_no_link(pod: Pod, tmp_path: Path) -> None:
    (record,) = pod.change().summary.records or ()
    (pod.volume / "packages").rename(tmp_path / "moved")
    (pod.volume / "packages").symlink_to(tmp_path / "moved" if not pod.image.busybox else "/tmp")
    pod.undo(record)
    assert os.lstat(tmp_path / "moved" / "a" / "plain").st_uid == 999


def test_a_volume_that_is_read_only_is_said_to_be(pod: Pod) -> None:
    where = str(pod.image.run(["true"], volume=pod.volume) and pod.volume)
    target = f"{pod.volume.parent}/root/volume" if pod.image.busybox else where
    only_read = f"mount -o remount,bind,ro {target}"
    prefix = (
        "sh",
        "-c",
        f'{only_read} 2>/dev/null || {{ mount --bind {target} {target}; {only_read}; }}; exec "$@"',
        "sh",
    )
    said = pod.change(prefix=prefix)
    code = said.messages[-1].code  # type: ignore[union-attr]
    assert (said.code, code) == (1, "read-only"), said


@pytest.mark.parametrize("python", [True, False])
def test_wrong_arguments_are_refused_with_a_code(tmp_path: Path, python: bool) -> None:
    pod = pod_of(UNDER_OPT if python else GNU, tmp_path)
    assert pod.run("change", 999, -5).refusal.code == "bad-arguments"


def test_the_search_takes_the_newest_by_number_and_runs_nothing_with_a_hostile_name(tmp_path: Path) -> None:
    pod = pod_of(UNDER_OPT, tmp_path)
    assert pod.change().started.python == "/opt/python/3.14.4/bin/python3"
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("what", ["change", "undo", "look"])
def test_a_program_that_was_swapped_is_not_run(what: str, tmp_path: Path) -> None:
    pod = pod_of(UNDER_OPT, tmp_path)
    program = pod.scratch / "program"
    program.write_text("print('owned')")
    places = {"volume": str(pod.volume), "program": str(program)}
    jobs = (
        commands.look(999, 999, **places),
        commands.by_program("undo" if what == "undo" else "change", 999, 999, **places),
    )
    said = pod.image.run(jobs[what != "look"], volume=pod.volume)
    assert (said.code, said.refusal.code) == (0 if what == "look" else 1, "digest-mismatch")
    assert "owned" not in said.out


def test_without_a_way_to_compare_the_program_it_is_not_run(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("print('owned')")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    start = f"import sys\nsys.modules['hashlib'] = None\n{commands._start()}"
    command = [sys.executable, "-I", "-S", "-c", start, digest, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "no-python"
    assert done.stderr == ""


def test_a_job_for_python_in_an_image_without_is_refused(tmp_path: Path) -> None:
    pod = Pod(GNU, pod_of(GNU, tmp_path).volume, tmp_path / "scratch", python=True)
    said = pod.change()
    assert (said.code, said.refusal.code) == (1, "no-python")


@pytest.mark.parametrize("image", WITHOUT, ids=lambda image: image.name)
def test_the_twin_that_was_cut_off_goes_on_and_all_of_it_is_undone(image: Image, tmp_path: Path) -> None:
    pod = pod_of(image, tmp_path)
    before = pod.owners()
    (record,) = pod.change().summary.records or ()
    # As it is after a kill in the middle: some of it done, and no mark that says that it is over.
    for number, name in enumerate(["packages/a/plain", "packages/a/-rf", "packages/tool", "."]):
        uid, gid = before[name].split(":")
        os.chown(pod.volume / name, int(uid), int(gid))
        if number == 2:
            (pod.volume / name).chmod(0o755)
    path = pod.volume / record.split(":")[0]
    os.truncate(path, path.stat().st_size - len(b"e - - -\0"))
    (pod.volume / "new").touch()

    said = pod.change()

    assert said.code == 0, said
    assert set(pod.owners().values()) == {"999:999"}
    assert said.summary.changed == 5
    assert [one.split(":")[0][-7:] for one in said.summary.records or ()] == ["99.list", ".list.1"]
    assert (pod.volume / "packages" / "tool").stat().st_mode & 0o7777 == 0o4755
    assert pod.undo(*(said.summary.records or ())).code == 0
    assert pod.owners() == {**before, "new": "0:0"}


def with_tool(image: Image, tmp_path: Path, name: str, text: str) -> Image:
    """The image with a tool of ours in front of its own, which runs as $tool."""
    folder = tmp_path / "tools"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\ntool=/usr/bin/{name}\n{text}\nexec "$tool" "$@"\n')
    (folder / name).chmod(0o755)
    return replace(image, path=f"{folder}:{image.path}")


def kills_its_shell(image: Image, tmp_path: Path, name: str, pattern: str) -> Image:
    """As when memory runs out: the part of the twin that runs this tool is killed once an argument matches. Bash runs a
    command substitution in a shell of its own, so that the tool's parent is not yet the whole part."""
    kill = """pid=$PPID
    while read -r _ program _ parent _ <"/proc/$pid/stat" && [ "$program" = "(sh)" ] &&
        tr "\\0" " " <"/proc/$pid/cmdline" | grep -q "/self --"; do
        kill -9 "$pid"
        pid=$parent
    done
    exit 1"""
    return with_tool(image, tmp_path, name, f'case " $* " in *"{pattern}"*) {kill} ;; esac')


def many(volume: Path, count: int = 900, name: str = "file") -> None:
    (volume / "many").mkdir()
    for number in range(count):
        (volume / "many" / f"{name}{number}").touch()
        os.chown(volume / "many" / f"{name}{number}", 1000, 1000)


@pytest.mark.parametrize("image", [GNU, BASH], ids=lambda image: image.name)
def test_the_twin_runs_a_few_programs_for_many_files_whoever_owned_them(image: Image, tmp_path: Path) -> None:
    pod = pod_of(image, tmp_path)
    many(pod.volume)
    for number in range(0, 900, 2):
        os.chown(pod.volume / "many" / f"file{number}", 1001, 1001)
    before, calls = pod.owners(), tmp_path / "calls"
    for tool in ("chown", "stat"):
        image = with_tool(image, tmp_path, tool, f"echo {tool} >>'{calls}'")
    counting = replace(pod, image=image)

    records = counting.change().summary.records or ()
    there = calls.read_text().split()
    assert counting.undo(*records).code == 0
    back = calls.read_text().split()[len(there) :]

    assert pod.owners() == before
    assert len(there) < 60
    assert len(back) < 60


def unmarked(pod: Pod, record: str) -> bool:
    return (pod.volume / record.split(":", maxsplit=1)[0]).stat().st_size == int(record.split(":")[1])


@pytest.mark.parametrize("image", [GNU, BASH], ids=lambda image: image.name)
def test_owners_that_a_killed_part_of_the_twin_did_not_change_count_as_failed(image: Image, tmp_path: Path) -> None:
    pod = pod_of(image, tmp_path)
    many(pod.volume)
    before = pod.owners()

    said = replace(pod, image=kills_its_shell(image, tmp_path, "chown", "/many/file500 ")).change()

    assert (said.code, said.summary.complete, said.summary.code) == (1, False, "failed"), said
    assert said.summary.failed
    (record,) = said.summary.records or ()
    assert unmarked(pod, record)
    again = pod.change()
    assert (again.code, again.summary.complete) == (0, True), again
    assert set(pod.owners().values()) == {"999:999"}
    records = {one.split(":")[0]: one for one in (record, *(again.summary.records or ()))}

    halfway = replace(pod, image=kills_its_shell(image, tmp_path, "chown", "/many/file500 ")).undo(*records.values())

    assert (halfway.code, halfway.summary.complete) == (1, False), halfway
    assert pod.undo(*records.values()).code == 0
    assert pod.owners() == before


@pytest.mark.parametrize("image", [GNU, BASH], ids=lambda image: image.name)
def test_the_only_part_of_the_twin_was_killed_is_no_root_squash(image: Image, tmp_path: Path) -> None:
    pod = pod_of(image, tmp_path)
    said = replace(pod, image=kills_its_shell(image, tmp_path, "chown", "999:999")).change()
    assert (said.code, said.summary.complete, said.summary.code) == (1, False, "failed"), said


@pytest.mark.parametrize("image", [GNU, BASH], ids=lambda image: image.name)
def test_an_undo_of_the_twin_whose_moving_back_was_killed_is_not_over(image: Image, tmp_path: Path) -> None:
    pod = pod_of(image, tmp_path)
    (pod.volume / "verify").mkdir()
    records = pod.change("verify").summary.records or ()

    said = replace(pod, image=kills_its_shell(image, tmp_path, "mv", "posit-audit-2")).undo(*records)

    assert (said.code, said.summary.complete) == (1, False), said
    assert not (pod.volume / "verify").exists()
    assert pod.undo(*records).code == 0
    assert (pod.volume / "verify").is_dir()


@pytest.mark.parametrize("test", [") ! -type d -print0", ") -type d -print0"])
def test_a_search_of_the_twin_that_was_cut_off_is_refused_before_any_change(test: str, tmp_path: Path) -> None:
    pod = pod_of(GNU, tmp_path)
    before = pod.owners()
    killed = with_tool(GNU, tmp_path, "find", f'case "$*" in *"{test}") kill -9 $$ ;; esac')
    said = replace(pod, image=killed).change()
    assert (said.code, said.refusal.code) == (1, "failed"), said
    assert pod.owners() == before


@pytest.mark.parametrize("image", [GNU, BASH], ids=lambda image: image.name)
@pytest.mark.parametrize("where", ["/many/file500 ", "/many "])
def test_a_list_of_the_twin_that_was_cut_off_is_refused_before_any_change(
    image: Image, tmp_path: Path, where: str
) -> None:
    pod = pod_of(image, tmp_path)
    many(pod.volume)
    before = pod.owners()
    said = replace(pod, image=kills_its_shell(image, tmp_path, "stat", where)).change()
    assert (said.code, said.refusal.code) == (1, "failed"), said
    assert pod.owners() == before


@pytest.mark.parametrize("image", SHELLS, ids=lambda image: image.name)
def test_a_list_of_the_twin_that_has_no_room_is_refused_before_any_change(image: Image, tmp_path: Path) -> None:
    pod = pod_of(image, tmp_path)
    many(pod.volume, 400, "long" * 50)
    before = pod.owners()
    said = pod.change(prefix=on_tmpfs(pod, tmp_path / "scratch", "64k"))
    assert (said.code, said.refusal.code) == (1, "no-space"), said
    assert pod.owners() == before


def on_tmpfs(pod: Pod, plain: Path, size: str) -> tuple[str, ...]:
    target = f"{pod.volume.parent}/root/{plain.name}" if pod.image.busybox else str(plain)
    return ("/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c",
            f'mount -t tmpfs -o size={size} none {target}; PATH={pod.image.path}; exec "$@"', "sh")  # fmt: skip


def test_the_twin_that_has_no_room_after_it_moved_something_aside_sums_up(tmp_path: Path) -> None:
    pod = pod_of(GNU, tmp_path)
    (pod.volume / "verify").mkdir()
    many(pod.volume, 400, "long" * 50)
    before = pod.owners()

    said = pod.change("verify", prefix=on_tmpfs(pod, tmp_path / "scratch", "64k"))

    assert (said.code, said.summary.complete, said.summary.code) == (1, False, "no-space"), said
    assert "no more owners were changed" in said.out
    assert [one.moved for one in said.summary.moved_aside or ()] == [True]
    (record,) = said.summary.records or ()
    assert pod.undo(record).code == 0
    assert pod.owners() == before


@pytest.mark.parametrize("tool", ["cat", "mv"])
def test_the_twin_whose_record_cannot_be_written_after_owners_were_changed_sums_up(tool: str, tmp_path: Path) -> None:
    pod = pod_of(GNU, tmp_path)
    before = pod.owners()
    (record,) = pod.change().summary.records or ()
    path = pod.volume / record.split(":")[0]
    os.truncate(path, path.stat().st_size - len(b"e - - -\0"))
    os.chown(pod.volume / "packages" / "a" / "plain", *map(int, before["packages/a/plain"].split(":")))
    (pod.volume / "new").touch()
    fails = {"cat": 'case "$*" in */list) exit 1 ;; esac', "mv": 'case "$*" in *.list.1) exit 1 ;; esac'}[tool]

    said = replace(pod, image=with_tool(GNU, tmp_path, tool, fails)).change()

    assert (said.code, said.summary.complete, said.summary.changed) == (1, False, 1), said
    assert said.summary.code == ("no-space" if tool == "cat" else "failed")
    assert [one.split(":")[0] for one in said.summary.records or ()] == [path.name]
    assert pod.change().code == 0
    assert set(pod.owners().values()) == {"999:999"}


def deep(volume: Path, length: int) -> int:
    """A descriptor of a directory whose path below the volume has so many bytes, with one file in it."""
    here = os.open(volume, os.O_RDONLY)
    left = length
    while left > 0:
        name = "d" * (200 if left > 400 else left - 1 if left <= 201 else 100)
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here, left = below, left - len(name) - 1
    os.close(os.open("file", os.O_CREAT, dir_fd=here))
    return here


@pytest.mark.parametrize("length", [3900, 4085, 4089, 4120, 9000])
@pytest.mark.parametrize("image", SHELLS, ids=lambda image: image.name)
def test_what_has_a_path_that_is_too_long_for_the_twin_is_not_taken_for_gone(
    image: Image, length: int, tmp_path: Path
) -> None:
    pod = pod_of(image, tmp_path)
    here = deep(pod.volume, length)

    said = pod.change()

    changed = os.stat("file", dir_fd=here).st_uid == 999
    os.close(here)
    assert changed == (length == 3900)
    assert (said.code, said.summary.complete) == ((0, True) if changed else (1, False)), said
    assert (pod.volume / "packages" / "a" / "plain").stat().st_uid == 999
    (record,) = said.summary.records or ()
    if not changed:
        assert said.summary.unreadable
        assert unmarked(pod, record)
    assert pod.undo(record).code == 0
    assert (pod.volume / "packages" / "a" / "plain").stat().st_uid == 1000


@pytest.mark.parametrize(
    "name", ["mount", "a b", "per%cent%dx", "back\\slash", "line\nbreak", "end\n", "s*r[a]?", "tab\t1 1"]
)
def test_without_a_record_the_twin_leaves_the_mount_points_below_the_volume(name: str, tmp_path: Path) -> None:
    pod = pod_of(GNU, tmp_path)
    point = pod.volume / "packages" / name
    point.mkdir()
    (pod.volume / "packages" / "star[a]").mkdir()

    # A file system of its own, which is gone with the mount namespace.
    said = without_tools(
        pod,
        tmp_path,
        setup='mount -t tmpfs -o uid=0 none "$POINT"',
        prefix=("/bin/sh", "-c", '"$@"; code=$?; /usr/bin/stat -c %u "$POINT" >"$WHERE/owner"; exit "$code"', "sh"),
        environment={"POINT": str(point)},
    )

    assert (said.code, said.summary.complete) == (0, True), said
    assert (tmp_path / "owner").read_text() == "0\n"
    assert (pod.volume / "packages" / "star[a]").stat().st_uid == 999


def without_tools(
    pod: Pod,
    tmp_path: Path,
    *,
    setup: str = "",
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Said:
    bare = tmp_path / "bare"
    bare.mkdir()
    for tool in ("sh", "find", "chown", "ls", "wc", "head", "mv", "date"):
        (bare / tool).symlink_to(f"/usr/bin/{tool}")
    image = Image("bare", f"{GNU.setup}\n{setup}\n".replace("mkdir", "/usr/bin/mkdir"))
    return image.run(
        commands.by_twin("change", 999, 999, volume=str(pod.volume)),
        volume=pod.volume,
        prefix=(*prefix, "/usr/bin/env", f"PATH={bare}"),
        environment=environment,
    )


def test_without_the_tools_for_a_record_the_twin_says_so_and_does_the_rest(tmp_path: Path) -> None:
    pod = pod_of(GNU, tmp_path)
    said = without_tools(pod, tmp_path)
    assert said.code == 0, said
    assert "no-record" in (said.summary.limits or ())
    assert said.summary.records is None
    assert (said.summary.mode_bits or {})["dropped"] == messages.Owned(1, ("packages/tool",))
    assert set(pod.owners().values()) == {"999:999"}


@pytest.mark.parametrize(
    "line",
    [
        *("", "{", "[]", "null", '"x"', "[" * 5000, '{"event":"nonsense"}', '{"event":"refusal"}'),
        *('{"event":"summary","complete":1}', '{"event":"progress","seen":-1}'),
        '{"event":"summary","complete":true,"looked":[]}',
    ],
)
def test_a_line_that_is_no_message_is_none(line: str) -> None:
    assert messages.decode(line) is None


def test_the_page_lists_every_code_and_limit_of_the_shell_programs_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "worker.md").read_text()
    section = page.partition("## The shell program")[2]
    text = "".join(commands.programs().values()) + commands._start()
    said = re.findall(r"(?:refuse|summary false|stop_at) ([a-z][a-z-]+) ", text)
    codes = {*said, *re.findall(r'"code": ?"([a-z-]+)"', text)}
    table = section.partition("| code of the shell |")[2]
    assert set(re.findall(r"`([a-z-]+)`(?=[,` |])", table)) == codes
    limits = {code for line in re.findall(r"printf '([a-z -]+)'\n", text) for code in line.split()}
    assert limits == set(IN_WORDS)
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section.partition("Its record has")[0], re.MULTILINE)) == limits
    assert set(ALWAYS) <= limits
