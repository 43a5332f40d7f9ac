"""What is believed of a record, which others than root may have been able to write since it was left."""

from __future__ import annotations

import hashlib
import os
import stat

from .lines import SPEAKS_OF_NO_OWNER
from .names import shown
from .trouble import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .record import Record

BRING_BACK = "Restore this file from a snapshot or backup of the volume and undo again, or change the owners yourself."


def seal(record: Record) -> str:
    """NAME:BYTES:SHA256 of all that it holds; empty if others may have written it, or it can't be read."""
    digest, size = hashlib.sha256(), 0
    try:
        while True:
            block = os.pread(record.fd, 1 << 20, size)
            if not block:
                break
            digest.update(block)
            size += len(block)
        exposed = record.exposed()
    except OSError:
        return ""
    return "" if exposed else "%s:%d:%s" % (os.path.basename(record.path), size, digest.hexdigest())


def hold(record: Record, seals: list[tuple[int, str]]) -> None:
    """Take into memory what can be believed of it, so that no other process changes it afterwards."""
    data = record.read()
    exposed = record.exposed()
    name = shown(record.path)
    for size, digest in seals:
        if len(data) < size or hashlib.sha256(memoryview(data)[:size]).hexdigest() != digest:
            raise Trouble(
                "record-changed",
                "The ownership record %s was changed after the run that wrote it, so the previous owners are unknown. "
                "No owner was changed. %s" % (name, BRING_BACK),
            )
    if exposed and not seals:
        raise Trouble(
            "record-open",
            "The ownership record %s can contain changes by other users: its group can write it (owner %d:%d, mode %o; "
            "the kubelet does this for fsGroup), and its digest is unknown (the run was interrupted, or this is "
            "another or an older journal). No owner was changed. If a later run continued the work, undo the journal "
            "of that run. Otherwise, if you are sure that no user changed the file, run chmod 600 on it as root and "
            "undo again." % (name, *os.fstat(record.fd)[4:6], stat.S_IMODE(os.fstat(record.fd).st_mode)),
        )
    if exposed:
        size = max(size for size, _ in seals)
        record.held = memoryview(data)[size:].tobytes()
        if any(fields[0] not in SPEAKS_OF_NO_OWNER for _, fields in record.lines()):
            raise Trouble(
                "record-changed",
                "The ownership record %s names more owners than at the end of the run that you undo, and users other "
                "than root can write it: a user added them, or a later run did. No owner was changed. Undo the journal "
                "of the later run. If there was none: %s" % (name, BRING_BACK),
            )
        data = data[:size]
    record.held = data
