"""What changing a cluster takes: the two doors to the API server, Helm, charts, and how long to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from auditor import catalog as known
from auditor.catalog import Catalog
from auditor.cluster.connect import Connection
from auditor.cluster.reader import Reader
from auditor.cluster.writer import Writer
from auditor.helm.charts import Charts
from auditor.helm.command import Helm


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What whoever makes a plan agrees to beforehand."""

    unsafe: bool = False
    templates: tuple[str, ...] = ()
    """Keys of values whose templates may run."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """`private` holds what is downloaded for as long as the run lasts; `values_folder` gets patched values where the
    chart for using them is missing. Inside a cluster there is none: it would go away with the pod."""

    reader: Reader
    writer: Writer
    helm: Helm
    charts: Charts
    server: str
    private: Path
    values_folder: Path | None
    catalog: Catalog = field(default_factory=known.load)
    consent: Consent = field(default_factory=Consent)
    rollout_seconds: int = 600
    """How long a workload that was ready gets to become ready again."""
    job_seconds: int = 7 * 24 * 3600
    """How long an ownership Job may run: its activeDeadlineSeconds."""
    start_seconds: int = 300
    """How long the pod of a Job gets to start."""
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@contextmanager
def open_tools(
    connection: Connection,
    *,
    charts: Sequence[str] = (),
    helm: str = "",
    values_folder: Path | None = None,
    catalog: Catalog | None = None,
    consent: Consent | None = None,
) -> Iterator[Tools]:
    """Tools for one run; its private folder is gone afterwards. With `consent` a plan is made."""
    consent = consent or Consent()
    catalog = catalog or known.load()
    settings = connection.settings
    if not connection.in_cluster:
        # Another program may switch the kubeconfig's current context while we run.
        settings = msgspec.structs.replace(settings, context=connection.context)
    program = Helm(settings, program=helm, kubeconfig=connection.kubeconfig_for_helm)
    with TemporaryDirectory(prefix="posit-audit-") as folder:
        private = Path(folder)
        yield Tools(
            reader=Reader(connection),
            writer=Writer(connection),
            helm=program,
            charts=Charts(charts, program, private, catalog=catalog, unsafe=consent.unsafe),
            server=connection.server,
            private=private,
            values_folder=values_folder or (None if connection.in_cluster else Path.cwd()),
            catalog=catalog,
            consent=consent,
        )
