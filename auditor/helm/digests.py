"""The SHA-256 of a chart: of an archive, that of the file; of a folder, that of its files.

    find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

prints that of a folder, in the folder. What is digested is a copy in a folder of ours, and Helm gets that copy:
another program may change what `--chart` names between the comparison and its use.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from auditor.errors import HelmError

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of one file of a chart; Posit's archives have a tenth of a megabyte."""


def copied(chart: Path, into: Path) -> tuple[Path, str]:
    """The copy below the folder `into`, which is made, and its digest. Raises HelmError for what is no chart's."""
    try:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = into / chart.name
        if not chart.is_dir():
            content = _read(chart)
            target.write_bytes(content)
            return target, hashlib.sha256(content).hexdigest()
        whole = hashlib.sha256()
        for name in _names(chart):
            content = _read(chart / name)
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(content)
            whole.update(hashlib.sha256(content).hexdigest().encode() + b"  " + os.fsencode(name) + b"\n")
        return target, whole.hexdigest()
    except OSError as error:
        raise HelmError(f"the chart can't be read: {error.strerror}.") from None


def _names(folder: Path) -> list[str]:
    return sorted(_below(folder, ""), key=os.fsencode)


def _below(folder: Path, prefix: str) -> Iterator[str]:
    with os.scandir(folder / prefix) as entries:
        found = list(entries)
    for entry in found:
        name = f"{prefix}{entry.name}"
        if "\n" in entry.name or (entry.is_symlink() and entry.is_dir()):
            raise HelmError("the chart's folder holds a link to a folder, or a line break in a name.")
        if entry.is_dir():
            yield from _below(folder, f"{name}/")
        else:
            yield name


def _read(file: Path) -> bytes:
    """Without waiting: a named pipe is no file of a chart."""
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise HelmError("something in the chart's folder is no file.")
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise HelmError(f"a file of the chart has more than {LARGEST // 1024**2} MiB.")
    return content
