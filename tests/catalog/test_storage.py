"""Which storage a PersistentVolume is."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.catalog import load


def _csi(driver: str, handle: str = "v", **attributes: str) -> dict[str, Any]:
    csi = {"driver": driver, "volumeHandle": handle, "volumeAttributes": attributes}
    return {"metadata": {}, "spec": {"csi": csi, "accessModes": ["ReadWriteMany"]}}


def _provisioned(volume: dict[str, Any], by: str) -> dict[str, Any]:
    return volume | {"metadata": {"annotations": {"pv.kubernetes.io/provisioned-by": by}}}


EFS = "efs.csi.aws.com"
VOLUMES = [
    (_provisioned(_csi(EFS, "fs-1::fsap-2"), EFS), "efs-access-point-dynamic", "chown-pointless"),
    (_provisioned(_csi(EFS, "efs:fs-1::fsap-2"), EFS), "efs-access-point-dynamic", "chown-pointless"),
    (_csi(EFS, "fs-1:/data:fsap-2"), "efs-access-point-static", "needs-probe"),
    (_csi(EFS, "fs-1"), "efs", "chown-ok"),
    (_csi("file.csi.azure.com"), "azure-files-smb", "chown-pointless"),
    (_csi("file.csi.azure.com", protocol="smb"), "azure-files-smb", "chown-pointless"),
    (_csi("file.csi.azure.com", protocol="NFS"), "azure-files-nfs", "chown-ok"),
    (
        _csi("file.csi.azure.com", protocol="nfs", rootsquashtype="RootSquash"),
        "azure-files-nfs-squashed",
        "chown-pointless",
    ),
    (_csi("file.csi.azure.com", protocol="nfs", rootSquashType="NoRootSquash"), "azure-files-nfs", "chown-ok"),
    ({"spec": {"azureFile": {"shareName": "a"}}}, "azure-files-in-tree", "chown-pointless"),
    (_csi("blob.csi.azure.com"), "azure-blob-fuse", "unsuitable"),
    (_csi("blob.csi.azure.com", protocol="nfs"), "azure-blob-nfs", "needs-probe"),
    (_csi("nfs.csi.k8s.io", server="s", share="/x"), "nfs-csi", "needs-probe"),
    ({"spec": {"nfs": {"server": "s", "path": "/x"}}}, "nfs-in-tree", "needs-probe"),
    (
        _provisioned({"spec": {"nfs": {}}}, "k8s-sigs.io/nfs-subdir-external-provisioner"),
        "nfs-subdir-provisioner",
        "needs-probe",
    ),
    (_csi("smb.csi.k8s.io"), "smb-csi", "chown-pointless"),
    (_csi("rook-ceph.cephfs.csi.ceph.com"), "cephfs-csi", "chown-ok"),
    (_csi("rook-ceph.rbd.csi.ceph.com"), "ceph-rbd-csi", "chown-ok"),
    (_csi("ebs.csi.aws.com"), "ebs", "chown-ok"),
    (_csi("filestore.csi.storage.gke.io"), "filestore", "needs-probe"),
    (_csi("driver.longhorn.io", share="true"), "longhorn-rwx", "chown-ok"),
    (_csi("driver.longhorn.io"), "longhorn", "chown-ok"),
    (_csi("gcsfuse.csi.storage.gke.io"), "gcs-fuse", "unsuitable"),
    (_csi("s3.csi.aws.com"), "s3-mountpoint", "unsuitable"),
    ({"spec": {"hostPath": {"path": "/x"}}}, "host-path", "chown-ok"),
    ({"spec": {"local": {"path": "/x"}}}, "local", "chown-ok"),
    ({"spec": {"csi": {"driver": EFS, "readOnly": True}}}, "read-only-csi", "unsuitable"),
    ({"spec": {"nfs": {}, "mountOptions": ["vers=4,ro"]}}, "read-only-mount", "unsuitable"),
    ({"spec": {"nfs": {}, "accessModes": ["ReadOnlyMany"]}}, "read-only-many", "unsuitable"),
]


@pytest.mark.parametrize(("volume", "row", "ownership"), VOLUMES, ids=[name for _, name, _ in VOLUMES])
def test_volume_is_recognised(volume: dict[str, Any], row: str, ownership: str) -> None:
    found = load().storage(volume)
    assert found is not None
    assert (found.id, found.ownership) == (row, ownership)


@pytest.mark.parametrize(
    "volume", [_csi("csi.example.com"), {}, {"spec": None}, {"spec": {"csi": "x"}}, _csi("my-efs.csi.aws.com.example")]
)
def test_an_unknown_volume_is_not_guessed(volume: dict[str, Any]) -> None:
    assert load().storage(volume) is None


def test_every_row_can_be_reached() -> None:
    """A row behind a more general one would never speak."""
    reached = {name for _, name, _ in VOLUMES}
    plain = {"azure-disk", "gce-pd", "fsx-lustre", "trident", "block-in-tree", "cephfs-in-tree"}
    assert {row.id for row in load().storage_rows} == reached | plain
