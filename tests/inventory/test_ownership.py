"""The look into a volume: the commands run here as they would in the pod, on a folder of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import Forbidden, Unavailable
from auditor.inventory import looking, take
from auditor.inventory.ownership import expected_owner
from auditor.inventory.sight import JobSight
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import Owner, OwnershipProbe, WrongOwner
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet
from auditor.worker import bundle, commands
from tests.inventory.fake import FakeReader, Json
from tests.inventory.releases import release
from tests.worker.containers import HIDDEN, expanded

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
OURS = (999, 999)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Ten entries of 999:999, itself included."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    for number in range(7):
        (tmp_path / "a" / "b" / f"file {number}").touch()
    give(tmp_path, *OURS)
    return tmp_path


@pytest.fixture
def without_python(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Makes this machine one that has the tools of POSIX only."""
    folder = tmp_path_factory.mktemp("bin")
    for tool in ("sh", "id", "find", "ls", "head", "printf", "timeout"):
        real = next(path for place in ("/usr/bin", "/bin") if (path := Path(place, tool)).exists())
        (folder / tool).symlink_to(real.resolve())
    hidden = f'{HIDDEN}\nPATH={folder}\nexec "$@"'
    return ["unshare", "--mount", "/bin/sh", "-euc", hidden, "sh"]


class Answering(looking.InPod):
    """A container that gives the same answer to every command."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(None, "posit", "pm-0", "rspm")  # type: ignore[arg-type]
        self.lines = lines

    def run(self, command: Sequence[str], **_: Any) -> list[str]:
        return self.lines


def give(root: Path, uid: int, gid: int) -> None:
    for path in (root, *root.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def reader_of(volume: Path, *, spec: Json | None = None, container: Json | None = None, **options: Any) -> FakeReader:
    objects = release("rstudio-pm", data=str(volume), **options)
    for one in (objects[0]["spec"]["template"]["spec"], objects[3]["spec"]):
        one.update(spec or {})
        one["containers"][0].update(container or {})
    return FakeReader(*objects)


def probes(reader: FakeReader, mode: ProbeMode = ProbeMode.AUTO) -> tuple[OwnershipProbe, ...] | Unseen:
    scope = Scope(current="posit")
    (state,) = take(reader, scope, frozenset({Facet.OWNERSHIP}), mode).releases  # type: ignore[arg-type]
    return state.ownership


def only(reader: FakeReader) -> OwnershipProbe:
    found = probes(reader)
    assert not isinstance(found, Unseen)
    (probe,) = found
    return probe


@pytest.mark.parametrize("mode", [ProbeMode.AUTO, ProbeMode.EXEC])
def test_a_volume_whose_entries_are_all_right_is_seen_whole(volume: Path, mode: ProbeMode) -> None:
    found = probes(reader_of(volume), mode)

    assert not isinstance(found, Unseen)
    (probe,) = found
    assert (probe.seen, probe.wrong, probe.exhaustive, probe.problem) == (10, (), True, None)
    assert (probe.expected, probe.method, probe.root_activations) == (Owner(999, 999), "python", ())
    assert probe.expected_because == "securityContext.runAsUser of container rspm"
    assert (probe.claim.name, probe.pod, probe.path) == ("pm-rstudio-pm-shared-storage", "pm-rstudio-pm-0", str(volume))


@pytest.mark.parametrize("posix", [False, True])
def test_wrong_entries_deep_in_the_tree_are_found_by_owner(
    volume: Path, without_python: list[str], posix: bool
) -> None:
    os.chown(volume / "a" / "b" / "file 3", 0, 0)
    os.chown(volume / "a" / "b" / "file 5", 0, 0)
    (volume / "a" / "link -> x").symlink_to("/etc")
    os.chown(volume / "a" / "link -> x", 1234, 999, follow_symlinks=False)
    reader = reader_of(volume)
    reader.prefix = without_python if posix else ()

    probe = only(reader)

    assert (probe.seen, probe.exhaustive, probe.method) == (11, True, "posix" if posix else "python")
    assert [(row.owner, row.count) for row in probe.wrong] == [(Owner(0, 0), 2), (Owner(1234, 999), 1)]
    assert sorted(probe.wrong[0].samples) == ["a/b/file 3", "a/b/file 5"]
    assert probe.wrong[1].samples[0].startswith("a/link")
    assert Path("/etc").stat().st_uid == 0


def test_without_python_a_limited_look_says_that_it_did_not_see_all(
    volume: Path, without_python: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_LARGEST_ANSWER", 4)
    reader = reader_of(volume)
    reader.prefix = without_python

    probe = only(reader)

    assert (probe.seen, probe.exhaustive, probe.detectable_share) == (4, False, None)


@pytest.mark.parametrize("posix", [False, True])
def test_what_is_not_the_products_is_left_out(volume: Path, without_python: list[str], posix: bool) -> None:
    for name in ("lost+found", ".snapshot", ".posit-audit-state"):
        (volume / name).mkdir()
        (volume / name / "roots").touch()
    (volume / "a" / "lost+found").touch()
    reader = reader_of(volume)
    reader.prefix = without_python if posix else ()

    probe = only(reader)

    assert [sample for row in probe.wrong for sample in row.samples] == ["a/lost+found"]


def test_names_with_line_breaks_count_once(volume: Path, without_python: list[str]) -> None:
    (volume / "x\n..end\n-rw-r--r-- 1 7 7 0 Jan 1 2026 y").touch()
    reader = reader_of(volume)
    reader.prefix = without_python

    probe = only(reader)

    assert probe.seen == 11
    assert [(row.owner, row.count) for row in probe.wrong] == [(Owner(0, 0), 1)]


def test_a_limited_look_with_python_does_not_claim_to_have_seen_all(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LARGEST_LOOK", 300)
    monkeypatch.setattr(commands, "LONGEST_LOOK", 1)
    for number in range(3000):
        (volume / "a" / f"{number}").touch()
    give(volume, *OURS)

    assert not only(reader_of(volume)).exhaustive


@pytest.mark.parametrize(
    ("share", "failed", "told"), [(0.05, 0, 0.05), (1.0, 0, None), (0.05, 1, None), (None, 0, None)]
)
def test_a_limited_look_tells_the_share_that_it_can_miss_where_there_is_one(
    share: float | None, failed: int, told: float | None
) -> None:
    """A share of one says nothing, and behind what could not be opened lies nobody knows what."""
    summary = {"event": "summary", "message": None, "seen": 9, "wrong_by_owner": {}, "complete": False}
    lines = ["", "no JSON", "[]", json.dumps(summary | {"failed": failed, "looked": {"wrong_entries_share": share}})]

    assert looking.with_python(Answering(lines), "python3", "/data", Owner(1, 1)).detectable_share == told


@pytest.mark.parametrize("posix", [False, True])
def test_what_root_left_of_its_license_activations_is_named(
    volume: Path, without_python: list[str], posix: bool
) -> None:
    (volume / "verify").mkdir()
    (volume / "verify" / "activation").touch()
    os.chown(volume / "verify", *OURS)
    reader = reader_of(volume)
    reader.prefix = without_python if posix else ()

    assert only(reader).root_activations == ("verify",)
    give(volume / "verify", *OURS)
    assert only(reader_of(volume)).root_activations == ()


def test_a_server_that_runs_as_root_finds_no_owner_wrong(volume: Path) -> None:
    (probe,) = probes(reader_of(volume, container={"securityContext": {"runAsUser": 0}}))
    assert (probe.expected.uid, probe.seen, probe.wrong, probe.problem) == (0, 0, (), None)


def test_where_the_spec_names_nobody_the_container_is_asked(volume: Path) -> None:
    """Here the answer is root, since the command runs on this machine."""
    reader = reader_of(volume, container={"securityContext": {}})

    (probe,) = probes(reader)
    assert (probe.expected, probe.expected_because) == (Owner(0, 0), "the image's user")
    assert len(reader.asked("get", "pods/exec")) == 1


@pytest.mark.parametrize(
    ("pod", "container", "expected", "because"),
    [
        ({}, {"runAsUser": 999}, Owner(999, 999), "securityContext.runAsUser of container rspm"),
        ({}, {"runAsUser": 1000}, Owner(1000, 7), "securityContext.runAsUser of container rspm"),
        (
            {"runAsUser": 5},
            {"runAsGroup": 6},
            Owner(5, 6),
            "securityContext.runAsUser and runAsGroup of container rspm",
        ),
        ({"runAsUser": 5}, {"runAsUser": 999, "runAsGroup": 0}, Owner(999, 0), ""),
        ({}, {}, Owner(8, 7), "the image's user"),
    ],
)
def test_the_expected_owner_comes_from_the_pod_as_kubernetes_reads_it(
    pod: Json, container: Json, expected: Owner, because: str
) -> None:
    spec = {"securityContext": pod, "containers": [{"name": "rspm", "securityContext": container}]}

    owner, source = expected_owner(spec, "rspm", Owner(8, 7))

    assert owner == expected
    assert because in source


def test_the_group_that_the_kubelet_sets_is_not_wrong(volume: Path) -> None:
    give(volume, 999, 2000)
    os.chown(volume / "a", 0, 2000)

    probe = only(reader_of(volume, spec={"securityContext": {"fsGroup": 2000}}))

    assert probe.wrong == (WrongOwner(owner=Owner(0, 2000), count=1, samples=("a",)),)


def test_probe_off_says_how_to_look(volume: Path) -> None:
    reader = reader_of(volume)

    off = probes(reader, ProbeMode.OFF)

    assert isinstance(off, Unseen)
    assert off.how == "Run with --probe auto."
    assert reader.asked("create", "pods/exec") == []


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("status", {"conditions": [{"type": "Ready", "status": "False"}]}),
        ("status", {"phase": "Failed"}),
        ("metadata", {"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        ("spec", {"volumes": [{"name": "rstudio-pm-data", "persistentVolumeClaim": {"claimName": "another"}}]}),
    ],
)
def test_a_pod_that_cant_be_looked_into_is_a_problem_of_that_claim(volume: Path, place: str, fields: Json) -> None:
    reader = reader_of(volume)
    (pod,) = (one for one in reader.objects if one["kind"] == "Pod")
    pod[place] = pod[place] | fields

    probe = only(reader)

    assert probe.problem is not None
    assert "No running and ready pod of posit/pm mounts PersistentVolumeClaim" in probe.problem.reason
    assert probe.problem.how


def test_a_refused_exec_makes_the_facet_unseen(volume: Path) -> None:
    reader = reader_of(volume)
    reader.exec_fails = Forbidden("You may not exec (403).", hint="Ask for it.")

    assert probes(reader) == Unseen(reason="You may not exec (403).", how="Ask for it.")


def test_an_exec_that_does_not_end_in_time_is_a_problem_of_that_claim(volume: Path) -> None:
    reader = reader_of(volume)
    reader.exec_fails = Unavailable("The command did not end in time.")

    problem = only(reader).problem

    assert problem is not None
    assert problem.reason == "The command did not end in time."


def test_a_container_without_a_shell_is_a_problem_of_that_claim(volume: Path) -> None:
    reader = reader_of(volume)
    reader.environment = {"PATH": "/nowhere"}

    problem = only(reader).problem

    assert problem is not None
    assert "sh ended with 127" in problem.reason
    assert "kubectl exec -n posit pm-rstudio-pm-0 -c rspm" in problem.how


@pytest.mark.parametrize("posix", [False, True])
def test_a_mount_that_is_not_there_is_a_problem_with_its_reason(
    tmp_path: Path, without_python: list[str], posix: bool
) -> None:
    reader = reader_of(tmp_path / "gone")
    reader.prefix = without_python if posix else ()

    problem = only(reader).problem

    assert problem is not None
    assert "failed: " in problem.reason


def test_nothing_on_the_volume_is_changed(volume: Path, without_python: list[str]) -> None:
    give(volume, 0, 0)
    before = {path: path.lstat().st_ctime_ns for path in volume.rglob("*")}

    only(reader_of(volume))
    reader = reader_of(volume)
    reader.prefix = without_python
    only(reader)

    assert {path: path.lstat().st_ctime_ns for path in volume.rglob("*")} == before


def test_connects_data_is_not_looked_into() -> None:
    reader = FakeReader(*release("rstudio-connect"))

    assert probes(reader) == ()
    assert reader.asked("create", "pods/exec") == []


@pytest.mark.parametrize(
    "lines",
    [[], ['{"event":"started","tool":"posix"}', "zero", "0"], ["python", "0", "0"], ["Welcome to your container!"]],
)
def test_a_shell_that_babbles_is_a_failure(lines: list[str]) -> None:
    with pytest.raises(NotSeenError, match="makes no sense"):
        looking.tools(Answering(lines), "/data")


def test_the_workers_own_sentence_is_passed_on() -> None:
    for event in (
        {"event": "refusal", "code": "not-a-volume", "message": "No such volume."},
        {"event": "summary", "seen": 1},
    ):
        said = json.dumps({"message": "No such volume."} | event)
        with pytest.raises(NotSeenError, match=r"failed: No such volume\.$"):
            looking.with_python(Answering([said]), "python3", "/data", Owner(1, 1))


def test_a_program_that_says_nothing_is_a_failure() -> None:
    with pytest.raises(NotSeenError, match="gave no summary"):
        looking.with_python(Answering([]), "python3", "/data", Owner(1, 1))


def job_sight(volume: Path, prefix: Sequence[str] = ()) -> JobSight:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / bundle.NAME
        program.write_bytes(bundle.program())
        done = subprocess.run(
            [*prefix, *map(expanded, commands.look(*OURS, volume=str(volume), program=str(program)))],
            capture_output=True,
            text=True,
            check=True,
        )
    return looking.from_job(done.stdout.splitlines(), CLAIM)


def by_job(reader: FakeReader, sights: Any) -> OwnershipProbe:
    facets = frozenset({Facet.OWNERSHIP})
    (state,) = take(reader, Scope(current="posit"), facets, ProbeMode.JOB, sights=sights).releases  # type: ignore[arg-type]
    assert not isinstance(state.ownership, Unseen)
    (probe,) = state.ownership
    return probe


PYTHON = '{"event":"started","tool":"python","python":"/usr/bin/python3","version":"3.11.2"}'
POSIX = '{"event":"started","tool":"posix","limits":["no-record"]}'
CLAIM = ObjectRef("PersistentVolumeClaim", "posit", "pm-rstudio-pm-shared-storage")


@pytest.mark.parametrize("posix", [False, True])
def test_a_job_sees_what_exec_sees(volume: Path, without_python: list[str], posix: bool) -> None:
    os.chown(volume / "a" / "b" / "file 3", 0, 0)
    (volume / "verify").mkdir()
    reader = reader_of(volume)
    sight = job_sight(volume, without_python if posix else ())

    probe = by_job(reader, {CLAIM: sight})

    assert (probe.seen, probe.exhaustive, probe.method) == (11, True, "posix" if posix else "python")
    assert [(row.owner, row.count) for row in probe.wrong] == [(Owner(0, 0), 2)]
    assert sorted(probe.wrong[0].samples) == ["a/b/file 3", "verify"]
    assert probe.root_activations == ("verify",)
    assert reader.asked("get", "pods/exec") == []


def test_without_a_job_the_probe_says_for_whom_one_is_to_look(volume: Path) -> None:
    probe = by_job(reader_of(volume), {})
    assert probe.problem is not None
    assert "No Job looked" in probe.problem.reason
    assert probe.expected == Owner(*OURS)


def test_for_whom_a_job_is_to_look_is_not_guessed_where_neither_pod_nor_chart_tells(volume: Path) -> None:
    """Charts before 0.4.0 leave the user to the image, which was root's then; 999 would be told the files are wrong."""
    reader = reader_of(volume, container={"securityContext": {}}, helm=False)
    service = next(one for one in reader.objects if one["kind"] == "Service")
    service["metadata"]["labels"]["helm.sh/chart"] = "rstudio-pm-main"
    found = probes(reader, ProbeMode.JOB)
    assert isinstance(found, Unseen)
    assert "main" in found.reason


def test_why_a_job_saw_nothing_is_told(volume: Path) -> None:
    refused = Unseen(reason="The namespace admits no root.", how="Lower the level.")
    assert by_job(reader_of(volume), {CLAIM: refused}).problem == refused


@pytest.mark.parametrize(
    "lines", [[], [PYTHON], ["--"], [PYTHON, "0", "0", "--"], [POSIX, "0", "0", "--"], ["{", "0", "0", "--", "end"]]
)
def test_a_jobs_pod_that_did_not_come_to_its_end_is_no_look(lines: list[str]) -> None:
    with pytest.raises(NotSeenError, match="by a Job failed"):
        looking.from_job(lines, CLAIM)


@pytest.mark.parametrize(
    "lie",
    [
        '{"event":"summary"}',
        '{"event":"refusal"}',
        '{"event":"summary","complete":true,"seen":9,"wrong_by_owner":{"a:b":{"count":1},"1:2:3":{},"9:9":{"count":-1}}}',
        '{"event":"summary","complete":true,"seen":9,"wrong_by_owner":{"' + "9" * 5000 + ':1":{"count":1}}}',
        '{"event":"summary","complete":"yes","looked":"all"}',
        "[" * 100_000,
    ],
)
def test_a_pod_that_lies_ends_no_scan(lie: str) -> None:
    """It may say what it likes: what is no answer is a failed look, and what is none of ours is left out."""
    try:
        sight = looking.with_python(Answering([lie]), "python3", "/data", Owner(1, 1))
    except NotSeenError:
        return
    assert sight.wrong == ()


@pytest.mark.parametrize("path", ["/opt/\x1b[2J/python3", "/opt/a b/python3", "/opt/python3\n", "/" * 300])
def test_a_path_that_a_terminal_would_act_on_is_no_answer(path: str) -> None:
    started = json.dumps({"event": "started", "tool": "python", "python": path})
    with pytest.raises(NotSeenError, match="makes no sense"):
        looking.tools(Answering([started, "0", "0"]), "/data")
