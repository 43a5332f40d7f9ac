"""Runs the `helm` program. What it prints may hold every secret of a release: nothing of it passes but an error's
words, and those without any value that the caller calls secret (failure.py)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from packaging.version import InvalidVersion, Version

from auditor.errors import HelmError
from auditor.helm.access import Access
from auditor.helm.dry_run import DryRun, read
from auditor.helm.failure import failure
from auditor.helm.repository import NAME, complaint, opened
from auditor.settings import ClusterSettings

log = structlog.get_logger()

SERVER_SIDE = Version("4")
"""The first that knows server-side apply, and records by `apply_method` which releases it manages so."""
OLDEST = Version("3.13")
"""The first that knows `--dry-run=server` (https://github.com/helm/helm/releases/tag/v3.13.0)."""
_GRACE = 30.0
"""Seconds that an interrupted helm gets to mark its release as failed."""
_LONGEST_VERSION = 60.0
"""Seconds that a program gets to tell its version."""


class Helm:
    """Helm of the same cluster, context and identity as the connection. Raises HelmError."""

    def __init__(
        self,
        settings: ClusterSettings,
        *,
        program: str = "",
        kubeconfig: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        """`program`: a path or name; otherwise the variable HELM, otherwise `helm` on PATH. `kubeconfig`: for
        access.py."""
        self._access = Access(settings, kubeconfig)
        self._asked = program or os.environ.get("HELM", "") or "helm"

    @property
    def program(self) -> str:
        return self._found[0]

    @property
    def version(self) -> Version:
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[str, Version]:
        found = shutil.which(self._asked)
        if found is None:
            raise HelmError(
                f"The program {self._asked!r} was not found, and values are changed through Helm.",
                hint=f"Install Helm {OLDEST} or newer, or name it with --helm FILE.",
            )
        return found, self._version_of(found)

    @staticmethod
    def _version_of(program: str) -> Version:
        hint = "Name Helm with --helm FILE."
        try:
            said = subprocess.run(
                [program, "version", "--template", "{{.Version}}"],
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_LONGEST_VERSION,
                check=False,
            ).stdout.strip()
        except subprocess.TimeoutExpired:
            raise HelmError(
                f"{program} did not tell its version within {_LONGEST_VERSION:.0f} seconds.", hint=hint
            ) from None
        except OSError as error:
            raise HelmError(f"{program} can't be run: {error.strerror}.", hint=hint) from None
        found = re.match(r"v?(\d+(?:\.\d+)*)", said)
        try:
            version = Version(found.group(1) if found else "")
        except InvalidVersion:
            raise HelmError(f"{program} does not tell its version as Helm does.", hint=hint) from None
        if version < OLDEST:
            raise HelmError(f"{program} is Helm {version}, which is too old.", hint=f"Install Helm {OLDEST} or newer.")
        return version

    def upgrade(
        self,
        namespace: str,
        release: str,
        *,
        chart: Path,
        values: bytes,
        secrets: Sequence[Any],
        hooks: bool = True,
        force_conflicts: bool = False,
        timeout: int = 300,
    ) -> None:
        """A new revision with exactly the values of the YAML `values` over the chart's defaults. `force_conflicts`
        takes fields that other managers hold; Helm 4 alone knows it."""
        arguments = self._upgrade(release, chart, hooks=hooks, timeout=timeout)
        if force_conflicts:
            arguments.append("--force-conflicts")
        self._run(namespace, arguments, secrets=secrets, seconds=timeout * 4, values=values)

    def dry_run(
        self, namespace: str, release: str, *, chart: Path, values: bytes, secrets: Sequence[Any], timeout: int = 300
    ) -> DryRun:
        """Renders, validates against the API server, stores nothing."""
        arguments = [
            *self._upgrade(release, chart, hooks=True, timeout=timeout),
            "--dry-run=server",
            "--output",
            "json",
        ]
        said = self._run(namespace, arguments, secrets=secrets, seconds=timeout * 2, values=values)
        try:
            return read(said)
        except ValueError:
            raise HelmError(
                f"Helm's dry run for release {namespace}/{release} gave no answer that can be read."
            ) from None

    def template(
        self, namespace: str, release: str, *, chart: Path, values: bytes, secrets: Sequence[Any], timeout: int = 120
    ) -> str:
        """The manifest of an upgrade, hooks too, rendered without any access to a cluster: what looks something up
        finds nothing."""
        arguments = ["template", release, str(chart), "--values", "-", "--is-upgrade", "--namespace", namespace]
        return self._run("", arguments, secrets=secrets, seconds=timeout, cluster=False, values=values)

    @staticmethod
    def _upgrade(release: str, chart: Path, *, hooks: bool, timeout: int) -> list[str]:
        return [
            "upgrade",
            release,
            str(chart),
            # From stdin: they hold every secret of the release, and so are in no file that a crash could leave.
            "--values",
            "-",
            # Never --reuse-values: it keeps the computed values of the old chart beside the new ones.
            "--reset-values",
            # 0 prunes nothing: the revision that undo goes back to must stay.
            "--history-max",
            "0",
            "--description",
            "Changed by posit-audit",
            "--timeout",
            f"{timeout}s",
            *([] if hooks else ["--no-hooks"]),
        ]

    def rollback(
        self, namespace: str, release: str, revision: int, *, secrets: Sequence[Any], timeout: int = 300
    ) -> None:
        arguments = ["rollback", release, str(revision), "--history-max", "0", "--timeout", f"{timeout}s", "--no-hooks"]
        # It heeds no signal, unlike an upgrade: cut off, it would stay pending. It waits for no pod, so it ends soon.
        self._run(namespace, arguments, secrets=secrets, seconds=timeout * 4, patience=timeout)

    def pull(self, chart: str, *, version: str, repository: str = "", into: Path) -> None:
        """Fetches one chart archive. `chart` is an `oci://` reference, or a name in `repository`, of whose address
        nothing is in Helm's arguments."""
        arguments = ["--version", version, "--destination", str(into)]
        if not repository:
            self._run("", ["pull", chart, *arguments], cluster=False)
            return
        with opened(repository) as source:
            said = self._run("", ["repo", "update", *source.flags], cluster=False, check=False)
            if not source.index.exists():
                raise failure(("pull", chart), f"Error: {complaint(said) or 'no index was found'}", source.secrets)
            self._run("", ["pull", f"{NAME}/{chart}", *arguments, *source.flags], secrets=source.secrets, cluster=False)

    def _run(
        self,
        namespace: str,
        arguments: Sequence[str],
        *,
        secrets: Sequence[Any] = (),
        seconds: float = 120,
        patience: float = 0,
        cluster: bool = True,
        values: bytes | None = None,
        check: bool = True,
    ) -> str:
        """`patience`: seconds that it gets to come to its end by itself when we are interrupted."""
        with self._access.opened(cluster=cluster) as (flags, environment):
            target = [*flags, "--namespace", namespace] if cluster else []
            log.debug("helm", verb=arguments[0], of=arguments[1], namespace=namespace)
            process = subprocess.Popen(
                [self.program, *arguments, *target],
                stdin=subprocess.DEVNULL if values is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                # Its own group: Ctrl-C at the terminal reaches us, and we end helm in order.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
            try:
                out, err = process.communicate(values, timeout=seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                raise HelmError(f"helm {arguments[0]} did not end within {seconds:.0f} seconds.") from None
            except BaseException:
                _end(process, patience)
                raise
        if process.returncode and check:
            raise failure(arguments, err.decode("utf-8", "replace"), secrets)
        return out.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes], patience: float = 0) -> None:
    """An interrupt cuts the patience short; the caller raises what it came from."""
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        if patience:
            process.communicate(timeout=patience)
    process.terminate()  # not by SIGINT: what is started in the background ignores that
    try:
        process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
