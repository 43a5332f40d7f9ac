"""The local cluster's parts that need no cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from scripts import packages
from scripts.images import oci
from scripts.localcluster import network, preflight
from scripts.localcluster.state import Cluster, Process, Record
from scripts.progress import StepFailedError, run_step
from tests.conftest import KIND_LOCAL


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, with no cluster in it."""
    monkeypatch.setenv("POSIT_AUDIT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def _recorded(name: str, record: Record) -> Cluster:
    cluster = Cluster(name=name)
    cluster.folder.mkdir(parents=True)
    cluster.write(record)
    return cluster


def test_a_name_always_has_the_same_link() -> None:
    assert network.choose("one") == network.choose("one")


def test_the_next_link_is_taken_where_another_cluster_has_the_first() -> None:
    wanted = network.choose("one")
    _recorded("other", Record(link=wanted.number))

    assert network.choose("one").number == wanted.number + 1


def test_the_next_link_is_taken_where_an_interface_has_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = network.choose("one")
    monkeypatch.setattr(network, "_addresses", lambda: [network.ipaddress.IPv4Address(wanted.host)])

    assert network.choose("one").number == wanted.number + 1


def test_a_process_with_a_used_up_id_is_not_ours() -> None:
    ours = Process.of(os.getpid())
    assert ours is not None

    assert ours.alive()
    assert not Process(pid=ours.pid, started=ours.started + 1).alive()


def test_a_process_that_only_waits_to_be_collected_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert Process.of(child.pid) is None
    child.wait()


def test_what_create_wrote_down_is_read_back() -> None:
    processes = {"node": Process(pid=1, started=2), "owner": Process(pid=3, started=4)}
    record = Record(link=7, **processes, worker=Process(pid=5, started=6), ready=True)

    assert _recorded("one", record).read() == record


def test_a_creation_killed_before_its_record_leaves_no_cluster() -> None:
    cluster = Cluster(name="one")
    cluster.folder.mkdir(parents=True)

    assert cluster.read() is None


def test_a_failed_step_shows_the_end_of_its_log(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]

    with pytest.raises(StepFailedError, match=r"Trying failed \(exit code 3\)(.|\n)*the reason"):
        run_step("Trying", failing, log=tmp_path / "log")


def test_a_bad_name_gets_a_sentence() -> None:
    done = subprocess.run(
        [str(KIND_LOCAL), "get", "folder", "--name", "../other"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: '../other' is no cluster name")
    assert "Traceback" not in done.stderr


def test_listing_clusters_ends_well_where_there_is_none() -> None:
    done = subprocess.run([str(KIND_LOCAL), "get", "clusters"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_a_machine_without_root_or_sudo_is_told_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert preflight.why_not() == "The local cluster needs root: run this as root or as a user who may use sudo."


def test_a_machine_without_apt_is_told_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "missing", lambda _: ["etcd-server", "runc"])
    monkeypatch.setenv("PATH", str(tmp_path))

    assert (preflight.why_not() or "").startswith("The local cluster needs etcd-server, runc and there is no apt-get")


def test_an_archive_holds_a_shared_layer_once_and_every_name(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    oci.write_layer(layer, {"etc/motd": (b"hello\n", 0o644)})
    images = [
        oci.Image(name=f"docker.io/posit/{name}:1", layers=[layer], entrypoint=["/bin/sh"]) for name in ("a", "b")
    ]

    oci.write_archive(tmp_path / "images.tar", images)

    with tarfile.open(tmp_path / "images.tar") as archive:
        index = json.load(archive.extractfile("index.json"))
        sizes = [member.size for member in archive if member.name.startswith("blobs/")]
    names = [manifest["annotations"]["io.containerd.image.name"] for manifest in index["manifests"]]
    assert names == ["docker.io/posit/a:1", "docker.io/posit/b:1"]
    assert sizes.count(layer.stat().st_size) == 1
