"""Why a volume lets no owner be changed, and what to do about it."""

from __future__ import annotations

import errno

from .machine import may_chown
from .mounts import mount_of

OWNERLESS = ("cifs", "smb3", "9p", "virtiofs")  # file systems whose owners are a matter of mount options or the server


def refusal(number: int, path: str, uid: int, gid: int) -> tuple[str, str]:
    """(code, one sentence) for the errno that every change got."""
    kind, source = mount_of(path)
    where = "%s (%s)" % (source, kind) if kind else path
    if number == errno.EROFS:
        return "read-only", (
            "The volume %s is read-only here: mount the claim writable, and check that neither the volume nor its "
            "storage is marked read-only." % where
        )
    if not may_chown():
        return "no-capability", (
            "This process is not allowed to change owners (no CAP_CHOWN). Run it as root with the capabilities CHOWN, "
            "DAC_OVERRIDE, and FOWNER, in a namespace that admits such a pod."
        )
    if kind.startswith("nfs"):
        return "root-squash", (
            "Root is squashed by the NFS server of %s. Run 'chown -R %d:%d' on the server, or export with "
            "no_root_squash (then 'exportfs -ra') until this run is done, or export with all_squash,anonuid=%d,"
            "anongid=%d. For a cloud file system, check its root squash setting or access point."
            % (where, uid, gid, uid, gid)
        )
    if kind in OWNERLESS or kind.startswith("fuse"):
        return "fixed-owners", (
            "The file system of %s does not allow changes of owners from here: it takes owners from its mount options "
            "or its server. Mount it with uid=%d,gid=%d, or use a POSIX volume." % (where, uid, gid)
        )
    return "refused", (
        "Root was refused every change of owner on %s. If a file server is behind it, that server squashes root: "
        "change the owners on the server, or allow root for this client. On a local disk, check for the immutable "
        "attribute (lsattr)." % where
    )
