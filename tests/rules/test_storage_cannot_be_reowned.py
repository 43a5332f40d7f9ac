from typing import Any

import pytest

from auditor.model.finding import Result
from tests.builders import UNSEEN, efs_access_point, package_manager, pod_spec, probe, volume, workload, wrong_owner
from tests.rules.judging import only

RULE = "storage-cannot-be-reowned"
WRONG = (probe(wrong_owner()),)
SMB = (volume({"csi": {"driver": "smb.csi.k8s.io"}, "accessModes": ["ReadWriteMany"]}),)
NFS = (volume({"nfs": {"server": "nfs", "path": "/"}, "accessModes": ["ReadWriteMany"]}),)
ROOT = workload(spec=pod_spec(securityContext={"runAsUser": 0}))


def test_fails_when_wrong_files_lie_on_it() -> None:
    finding = only(RULE, package_manager(volumes=SMB, ownership=WRONG))
    assert finding.result is Result.FAILED
    assert finding.object.kind == "PersistentVolume"


def test_fails_when_root_still_writes_to_it() -> None:
    assert only(RULE, package_manager(volumes=SMB, workload=ROOT)).result is Result.FAILED


def test_passes_where_nothing_is_wrong_with_its_files() -> None:
    assert only(RULE, package_manager(volumes=SMB)).result is Result.PASSED


def test_passes_where_owners_can_be_changed() -> None:
    assert only(RULE, package_manager(ownership=WRONG)).result is Result.PASSED


@pytest.mark.parametrize("facets", [{"ownership": WRONG}, {"workload": ROOT}])
def test_passes_where_the_storage_does_everything_as_its_own_user(facets: dict[str, Any]) -> None:
    finding = only(RULE, package_manager(volumes=(efs_access_point(),), **facets))
    assert finding.result is Result.PASSED
    assert "EFS replaces the client's user and group" in finding.message


def test_cannot_tell_what_an_nfs_export_allows() -> None:
    finding = only(RULE, package_manager(volumes=NFS, ownership=WRONG))
    assert finding.result is Result.UNKNOWN
    assert "probe" in finding.how


def test_cannot_tell_with_an_unknown_driver() -> None:
    strange = (volume({"csi": {"driver": "example.com"}, "accessModes": ["ReadWriteMany"]}),)
    assert only(RULE, package_manager(volumes=strange, ownership=WRONG)).result is Result.UNKNOWN


def test_cannot_tell_whether_it_matters_when_the_look_failed() -> None:
    finding = only(RULE, package_manager(volumes=SMB, ownership=(probe(problem=UNSEEN),)))
    assert (finding.result, finding.message) == (Result.UNKNOWN, UNSEEN.reason)


def test_cannot_tell_whether_it_matters_without_a_look() -> None:
    assert only(RULE, package_manager(volumes=SMB, ownership=())).result is Result.UNKNOWN


def test_cannot_tell_without_seeing_volumes() -> None:
    assert only(RULE, package_manager(volumes=UNSEEN)).result is Result.UNKNOWN
