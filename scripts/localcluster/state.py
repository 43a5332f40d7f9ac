"""What is known of each cluster between two calls: one folder each, below one root."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.progress import StepFailedError


def root() -> Path:
    """`$POSIT_AUDIT_STATE` or /var/lib/posit-audit; holds `clusters/<name>/` and locks."""
    return Path(os.environ.get("POSIT_AUDIT_STATE", "/var/lib/posit-audit"))


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that is still the one we started: pid and start time (clock ticks after boot)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The living process with this id; None where there is none or only its exit code is left."""
        try:
            # The command in brackets may hold blanks and brackets itself.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, started = fields[0], int(fields[19])
        return None if state in "ZX" else cls(pid=pid, started=started)

    def alive(self) -> bool:
        return Process.of(self.pid) == self


@dataclass(frozen=True, kw_only=True)
class Record:
    """What `create` writes down as it goes along; `ready` comes last.

    `node` is the first process of the cluster's namespaces; with it everything ends. `owner` is the
    process that the cluster is for: once it has died, the next `create` on this machine cleans up.
    `worker` is the second node's first process.
    """

    link: int
    node: Process | None = None
    owner: Process | None = None
    worker: Process | None = None
    ready: bool = False


@dataclass(frozen=True, kw_only=True)
class Cluster:
    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,48}", self.name):
            raise StepFailedError(
                f"{self.name!r} is no cluster name: up to 49 lower-case letters, digits, dots and dashes."
            )

    @property
    def folder(self) -> Path:
        return root() / "clusters" / self.name

    @property
    def lock(self) -> Path:
        return root() / "locks" / self.name

    @property
    def node_name(self) -> str:
        """The Node's name, the one that kind gives it."""
        return f"{self.name}-control-plane"

    @property
    def worker(self) -> Path:
        """The second node's folder, laid out as the cluster's own; it exists while there is one."""
        return self.folder / "worker"

    @property
    def worker_name(self) -> str:
        return f"{self.name}-worker"

    @property
    def cgroup(self) -> str:
        return f"posit-audit-{self.name}"

    def read(self) -> Record | None:
        """The record; None where there is no cluster or its creation ended before it had one."""
        try:
            raw = json.loads((self.folder / "record.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return Record(
            link=raw["link"],
            node=Process(**raw["node"]) if raw["node"] else None,
            owner=Process(**raw["owner"]) if raw["owner"] else None,
            worker=Process(**raw["worker"]) if raw.get("worker") else None,
            ready=raw["ready"],
        )

    def write(self, record: Record) -> None:
        partial = self.folder / "record.json.partial"
        partial.write_text(json.dumps(asdict(record)))
        partial.replace(self.folder / "record.json")


def known() -> list[Cluster]:
    """Every cluster that has a folder, whatever its state."""
    clusters = root() / "clusters"
    return [Cluster(name=path.name) for path in sorted(clusters.iterdir())] if clusters.is_dir() else []
