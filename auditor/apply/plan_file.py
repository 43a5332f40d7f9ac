"""The plan as a file: whole or not there, and for its owner's eyes only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from auditor.errors import PositAuditError, UnreadableFile
from auditor.model.plan import Plan

_SCHEMA = "posit-audit.plan/v1"


def write_plan(plan: Plan, path: Path) -> None:
    """The same plan gives the same bytes."""
    write_private(path, ascii_json(_kept(plan), indent=2) + b"\n")


def read_plan(path: Path) -> Plan:
    """Raises UnreadableFile for what isn't there, isn't a plan, or is one of another version."""
    again = "Make the plan again with this version."
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"The plan {path} can't be read: {error.strerror}.") from error
    try:
        schema = msgspec.json.decode(data, type=_Head).schema
        if schema != _SCHEMA:
            raise UnreadableFile(f"The plan {path} is {schema!r}, and this is a reader of {_SCHEMA!r}.", hint=again)
        return msgspec.json.decode(data, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path} is not a plan of posit-audit: {error}.", hint=again) from error


def _kept(plan: Plan) -> Plan:
    """Only what is acted on is named whole."""
    held = tuple(msgspec.structs.replace(one, object=one.object.printed) for one in plan.held)
    left_out = tuple(msgspec.structs.replace(one, object=one.object.printed) for one in plan.left_out)
    return msgspec.structs.replace(plan, held=held, left_out=left_out)


def ascii_json(noun: msgspec.Struct, *, indent: int | None = None) -> bytes:
    """Escaped, so that a terminal that shows the file shows no more than characters."""
    return json.dumps(msgspec.to_builtins(noun), indent=indent).encode()


class _Head(msgspec.Struct):
    schema: str


def write_private(path: Path, content: bytes) -> None:
    """Replaces `path` at once by a file of mode 0600. A symbolic link is replaced, not followed."""
    try:
        file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115 - closed below
        temporary = Path(file.name)
        try:
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)  # Windows moves no open file
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PositAuditError(f"{path} can't be written: {error.strerror}.") from error
