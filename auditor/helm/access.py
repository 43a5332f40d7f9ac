"""Leads Helm to the same cluster, context and identity as the connection: by flags and environment, and by a kubeconfig
of its own for what no flag of Helm's says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from auditor.settings import ClusterSettings

_FOREIGN = ("HELM_DEBUG", "HELM_NAMESPACE", "HELM_KUBE", "HELM_DRIVER")
"""How the variables begin that would lead Helm to another cluster, identity or store than those that the release was
read from (helm.sh/helm/v4/pkg/cli/environment.go)."""


class Access:
    def __init__(self, settings: ClusterSettings, kubeconfig: Callable[[], bytes | None]) -> None:
        """`kubeconfig` is asked before each run of Helm, since what it holds may expire; None where flags will do."""
        self._settings, self._kubeconfig = settings, kubeconfig

    @contextmanager
    def opened(self, *, cluster: bool = True) -> Iterator[tuple[list[str], dict[str, str]]]:
        """Helm's flags and environment, good until the end of the block. Without `cluster` no identity is needed."""
        if not cluster:
            environment = self._environment(os.devnull)
            # Nothing to reach a cluster by: what is rendered so must not be able to ask one.
            yield [], {name: value for name, value in environment.items() if not name.startswith("KUBERNETES_")}
            return
        content = self._kubeconfig()
        if content is None:
            yield self._flags(), self._environment(self._settings.kubeconfig)
            return
        # A folder of this user's alone; a signal ends the block as an exception, and so does an error.
        with TemporaryDirectory(prefix="posit-audit-") as folder:
            file = Path(folder) / "kubeconfig"
            file.touch(mode=0o600)
            file.write_bytes(content)
            yield [], self._environment(str(file))

    def _flags(self) -> list[str]:
        flags = (
            ("--kube-context", self._settings.context),
            ("--kube-as-user", self._settings.impersonate),
            *(("--kube-as-group", group) for group in self._settings.impersonate_groups),
        )
        return [part for name, value in flags if value for part in (name, value)]

    @staticmethod
    def _environment(kubeconfig: str | None) -> dict[str, str]:
        """Ours, since a kubeconfig's credential program may need any of it, without what would redirect helm."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        if kubeconfig:
            environment["KUBECONFIG"] = str(Path(kubeconfig).expanduser())
        return environment
