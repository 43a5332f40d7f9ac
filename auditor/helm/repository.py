"""A chart repository for one run of Helm: its address stands in a file that only this user can read, since what is on a
command line is for everyone who lists processes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

NAME = "source"
"""What Helm calls the repository."""
_COMPLAINT = re.compile(r"Unable to get an update from .*?\):\s*(.*?)\s*(?:\nUpdate Complete|\Z)", re.DOTALL)
"""The reason stands on stdout, and Helm 3 ends with 0 all the same (helm.sh/helm/v4/pkg/cmd/repo_update.go)."""


@dataclass(frozen=True)
class Repository:
    flags: tuple[str, ...]
    index: Path
    """There if Helm could fetch it."""
    secrets: tuple[str, ...]
    """What its address holds and no message may."""


@contextmanager
def opened(url: str) -> Iterator[Repository]:
    """Good until the end of the block; a signal ends it as an exception, and so does an error."""
    parts = urlsplit(url)
    user, password = (unquote(part) if part else "" for part in (parts.username, parts.password))
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    entry = {"name": NAME, "url": bare, "username": user, "password": password}
    with TemporaryDirectory(prefix="posit-audit-") as folder:
        file, cache = Path(folder) / "repositories.yaml", Path(folder) / "cache"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"apiVersion": "v1", "repositories": [entry]}))
        yield Repository(
            flags=("--repository-config", str(file), "--repository-cache", str(cache)),
            index=cache / f"{NAME}-index.yaml",
            secrets=(user, password, parts.netloc.rpartition("@")[0], parts.query, *_values(parts.query)),
        )


def complaint(said: str) -> str:
    """Why Helm could not fetch the index, from its stdout."""
    found = _COMPLAINT.search(said)
    return found[1] if found else ""


def _values(query: str) -> list[str]:
    return [value for _, value in parse_qsl(query)]
