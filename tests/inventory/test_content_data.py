"""What content gets at: the command runs here as it would in the server's pod, on a folder of this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditor.inventory import take
from auditor.inventory.reach import MOST_DIRECTORIES
from auditor.model.ownership import ContentData, ContentDirectory, Owner
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet
from tests.inventory.fake import FakeReader, Json, body
from tests.inventory.releases import content_job, release, surroundings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
CLAIM = "connect-rstudio-connect-shared-storage"
USER = {"runAsUser": 999, "runAsGroup": 999}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Connect's data with the directory of one content, of five entries that belong to its user."""
    bundle = tmp_path / "apps" / "17" / "3"
    (bundle / "src").mkdir(parents=True)
    for name in ("app.R", "src/a file", "src/b"):
        (bundle / name).touch(0o640)
    for path in (bundle, *bundle.rglob("*")):
        os.chown(path, 999, 999)
    return tmp_path


def mounting(*sub_paths: str, name: str = "report", claim: str = CLAIM, **options: Any) -> Json:
    """A content Job that mounts these parts of `claim`. `security` is its pod's, `mount` goes into each mount."""
    job = content_job(name, claim=claim)
    job["metadata"]["creationTimestamp"] = options.get("created", "2026-11-01T10:00:00Z")
    spec = job["spec"]["template"]["spec"]
    spec["securityContext"] = options.get("security", USER)
    spec["containers"][0]["volumeMounts"] = [
        {"name": "data", "mountPath": f"/mnt/{number}", **({"subPath": path} if path else {})}
        | options.get("mount", {})
        for number, path in enumerate(sub_paths)
    ]
    if "status" in options:
        job["status"] = options["status"]
    return job


def reader_of(data: Path, *jobs: Json, sub_path: str = "", **options: Any) -> FakeReader:
    objects = release("rstudio-connect", data=str(data), **options)
    for one in (objects[0]["spec"]["template"]["spec"], objects[3]["spec"]):
        one["containers"][0]["volumeMounts"][1]["subPath"] = sub_path
    return FakeReader(*objects, *surroundings(), *jobs)


def found(reader: FakeReader, mode: ProbeMode = ProbeMode.AUTO) -> ContentData | Unseen | None:
    (state,) = take(reader, Scope(current="posit"), frozenset({Facet.CONTENT_DATA}), mode).releases  # type: ignore[arg-type]
    return state.content_data


def directories(reader: FakeReader) -> tuple[ContentDirectory, ...]:
    seen = found(reader)
    assert isinstance(seen, ContentData)
    return seen.directories


def only(data: Path, *jobs: Json, **options: Any) -> ContentDirectory:
    (directory,) = directories(reader_of(data, *jobs, **options))
    return directory


def test_what_content_mounts_is_looked_at_as_its_user(data: Path) -> None:
    one = only(data, mounting("apps/17/3"))

    assert (one.claim.name, one.claim.namespace) == (CLAIM, "posit")
    assert (one.path, one.sub_path) == (f"{data}/apps/17/3", "apps/17/3")
    assert (one.user, one.groups, one.used_by) == (Owner(999, 999), (), "Job content/report")
    assert (one.seen, one.exhaustive, one.unreadable, one.has_acl) == (5, True, (), 0)
    assert (one.writes, one.top_owner, one.top_writable, one.method) == (True, Owner(999, 999), True, "python")
    assert one.problem is None


def test_entries_that_are_shut_to_the_user_are_counted_by_owner(data: Path) -> None:
    bundle = data / "apps" / "17" / "3"
    os.chown(bundle / "app.R", 0, 0)
    os.chown(bundle / "src" / "a file", 1234, 0)
    (bundle / "link").symlink_to("/etc/shadow")

    one = only(data, mounting("apps/17/3"))

    rows = [(row.owner, row.count, row.samples) for row in one.unreadable]
    assert rows == [(Owner(0, 0), 1, ("app.R",)), (Owner(1234, 0), 1, ("src/a file",))]
    assert (one.seen, one.exhaustive) == (6, True)


@pytest.mark.parametrize(
    ("owner", "mode", "groups", "shut"),
    [
        ((0, 0), 0o644, [], False),
        ((0, 0), 0o640, [], True),
        ((0, 1000), 0o640, [1000], False),
        ((0, 1000), 0o604, [1000], True),  # its group is refused, whatever others may
        ((999, 0), 0o044, [], True),  # its owner is refused, whatever others may
        ((0, 999), 0o640, [], False),
    ],
)
def test_the_bits_are_read_as_the_kernel_reads_them(
    data: Path, owner: tuple[int, int], mode: int, groups: list[int], shut: bool
) -> None:
    """Each case is also put to the kernel."""
    path = data / "apps" / "17" / "3" / "app.R"
    os.chown(path, *owner)
    path.chmod(mode)

    one = only(data, mounting("apps/17/3", security=USER | {"supplementalGroups": groups}))

    assert bool(one.unreadable) is shut
    # Opened from inside its directory, as content does: what lies above its mount is not on its way.
    tried = subprocess.run(
        ["cat", "app.R"], cwd=path.parent, user=999, group=999, extra_groups=groups, capture_output=True, check=False
    )
    assert (tried.returncode != 0) is shut


@pytest.mark.parametrize(("mode", "shut"), [(0o711, True), (0o744, True), (0o755, False)])
def test_a_directory_is_to_be_read_and_entered(data: Path, mode: int, shut: bool) -> None:
    folder = data / "apps" / "17" / "3" / "src"
    os.chown(folder, 0, 0)
    folder.chmod(mode)

    assert bool(only(data, mounting("apps/17/3")).unreadable) is shut


def test_groups_of_the_pod_count_fs_group_too(data: Path) -> None:
    os.chown(data / "apps" / "17" / "3" / "app.R", 0, 2000)

    assert only(data, mounting("apps/17/3")).unreadable
    assert not only(data, mounting("apps/17/3", security=USER | {"fsGroup": 2000})).unreadable


@pytest.mark.parametrize(
    ("owner", "mode", "writable"),
    [((999, 999), 0o755, True), ((0, 999), 0o775, True), ((0, 999), 0o755, False), ((999, 999), 0o555, False)],
)
def test_what_is_mounted_for_writing_is_to_be_written_to(
    data: Path, owner: tuple[int, int], mode: int, writable: bool
) -> None:
    top = data / "apps" / "17" / "3"
    os.chown(top, *owner)
    top.chmod(mode)

    one = only(data, mounting("apps/17/3"))

    assert (one.writes, one.top_writable, one.top_owner) == (True, writable, Owner(*owner))
    assert not only(data, mounting("apps/17/3", mount={"readOnly": True})).writes


def test_an_access_control_list_leaves_it_open(data: Path) -> None:
    path = data / "apps" / "17" / "3" / "app.R"
    os.chown(path, 0, 0)
    try:
        # POSIX ACL as its extended attribute: version 2; owner rw, user 999 r, group none, mask r, others none.
        entries = [(1, 6, -1), (2, 4, 999), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
        packed = (2).to_bytes(4, "little") + b"".join(
            tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little")
            for tag, bits, who in entries
        )
        os.setxattr(path, "system.posix_acl_access", packed)
    except OSError as error:
        pytest.skip(f"no access control lists here: {error}")
    path.chmod(0o600)

    one = only(data, mounting("apps/17/3"))

    assert (one.unreadable, one.has_acl, one.seen) == ((), 1, 5)


def test_the_servers_own_sub_path_is_taken_off(data: Path) -> None:
    """The server has prod/ of the volume where content names its parts from the volume's root."""
    one = only(data, mounting("prod/apps/17/3"), sub_path="prod")
    assert (one.path, one.sub_path, one.seen) == (f"{data}/apps/17/3", "prod/apps/17/3", 5)


def test_what_the_server_does_not_see_is_said(data: Path) -> None:
    one = only(data, mounting("apps/17/3"), sub_path="prod")
    assert one.problem
    assert "outside of what the server mounts" in one.problem.reason


@pytest.mark.parametrize("running", [True, False])
def test_a_directory_that_is_gone_matters_only_to_content_that_runs(data: Path, running: bool) -> None:
    ended = {} if running else {"conditions": [{"type": "Complete", "status": "True"}]}

    seen = directories(reader_of(data, mounting("apps/17/3", "jobs/1/gone", status=ended)))

    told = [one.problem.reason for one in seen if one.problem]
    assert len(seen) == (2 if running else 1)
    assert told == (
        [f"Job content/report mounts jobs/1/gone, and the server finds no directory {data}/jobs/1/gone."] * running
    )


def test_content_that_does_not_say_its_user_or_mounts_everything_is_not_judged(data: Path) -> None:
    nobody = mounting("apps/17/3", name="nobody", security={"runAsUser": 999})
    everything = mounting("", name="everything")

    reader = reader_of(data, nobody, everything)

    told = [one.problem.reason for one in directories(reader) if one.problem and not one.seen]

    assert told == [
        "Job content/everything mounts all of Connect's data, and what of it is its own is not known.",
        "Job content/nobody leaves to its image as which user or group it runs.",
    ]
    assert not reader.asked("create", "pods/exec")


def test_nothing_is_shut_to_content_that_runs_as_root(data: Path) -> None:
    assert directories(reader_of(data, mounting("apps/17/3", security={"runAsUser": 0}))) == ()


def test_many_jobs_of_one_content_are_one_directory_and_the_newest_come_first(data: Path) -> None:
    jobs = [
        mounting("apps/17/3", name=f"job-{number}", created=f"2026-11-0{number}T00:00:00Z") for number in range(1, 4)
    ]
    jobs[0]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["readOnly"] = True
    reader = reader_of(data, *jobs)

    (one,) = directories(reader)

    assert (one.used_by, one.writes) == ("Job content/job-3 and 2 more", True)
    assert len(reader.asked("create", "pods/exec")) == 1


def test_only_so_many_are_looked_at_and_the_rest_is_counted(data: Path) -> None:
    for number in range(MOST_DIRECTORIES + 5):
        (data / "apps" / f"x{number}").mkdir()
    reader = reader_of(data, mounting(*(f"apps/x{number}" for number in range(MOST_DIRECTORIES + 5))))

    seen = found(reader)

    assert isinstance(seen, ContentData)
    assert (len(seen.directories), seen.left_out) == (MOST_DIRECTORIES, 5)
    assert all(one.seen == 1 and one.exhaustive for one in seen.directories)


def test_other_volumes_of_the_content_are_not_connects_business(data: Path) -> None:
    assert directories(reader_of(data, mounting("apps/17/3", claim="their-own"))) == ()


def test_launcher_pods_tell_too(data: Path) -> None:
    job = mounting("apps/17/3")
    spec = job["spec"]["template"]["spec"]
    spec["containers"][0]["name"] = "rs-launcher-container"
    label = {"labels": {"app.kubernetes.io/managed-by": "launcher"}}
    pod = body("Pod", "launched", "content", metadata=label, spec=spec, status={"phase": "Running"})
    reader = reader_of(data, pod)
    gcfg = f"[Launcher]\nEnabled = true\nKubernetesNamespace = content\nDataDirPVCName = {CLAIM}\n"
    reader.objects[1]["data"]["rstudio-connect.gcfg"] = gcfg

    (one,) = directories(reader)

    assert (one.used_by, one.seen, one.problem) == ("Pod content/launched", 5, None)


def test_without_a_ready_server_nobody_can_tell(data: Path) -> None:
    one = only(data, mounting("apps/17/3"), ready=False)
    assert one.problem
    assert one.problem.reason.startswith("No running and ready pod of posit/connect mounts")
    assert one.problem.how


def test_probe_off_looks_at_nothing(data: Path) -> None:
    reader = reader_of(data, mounting("apps/17/3"))

    seen = found(reader, ProbeMode.OFF)

    assert isinstance(seen, Unseen)
    assert "--probe off" in seen.reason
    assert not reader.asked("create", "pods/exec")


def test_without_content_nothing_is_asked(data: Path) -> None:
    reader = reader_of(data)
    assert found(reader) == ContentData()
    assert not reader.asked("create", "pods/exec")


def test_local_content_has_no_pods_of_its_own(data: Path) -> None:
    reader = reader_of(data, mounting("apps/17/3"))
    reader.objects[1]["data"]["rstudio-connect.gcfg"] = "[Server]\nAddress = x\n"
    assert found(reader) is None


def test_an_answer_that_makes_no_sense_is_not_taken_for_one(data: Path) -> None:
    reader = reader_of(data, mounting("apps/17/3"))
    reader.environment = {"PATH": "/nonexistent"}

    seen = found(reader)

    assert isinstance(seen, Unseen)
    assert "failed" in seen.reason
