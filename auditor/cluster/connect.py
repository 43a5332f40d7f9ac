"""From flags and environment to a connection: kubeconfig, context, impersonation, or the pod's own account."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

from auditor import __version__
from auditor.errors import ClusterError
from auditor.settings import ClusterSettings

_DEFAULT_KUBECONFIG = "~/.kube/config"
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Connection:
    """An open door to one API server."""

    def __init__(
        self, api: client.ApiClient, settings: ClusterSettings, *, context: str, namespace: str, in_cluster: bool
    ) -> None:
        self.api = api
        self.settings = settings
        self.context = context
        self.namespace = namespace
        self.in_cluster = in_cluster

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self.api.configuration.host)

    @property
    def identity(self) -> str:
        """Whom a refusal is about, as a sentence begins with it."""
        return f"User {self.settings.impersonate!r}" if self.settings.impersonate else "This identity"


def connect(settings: ClusterSettings) -> Connection:
    """Raises ClusterError where there is no kubeconfig, no such context, or one that doesn't load."""
    configuration = client.Configuration()
    in_cluster = _prefers_in_cluster(settings)
    if in_cluster:
        context, namespace = _load_in_cluster(configuration)
    else:
        context, namespace = _load_kubeconfig(configuration, settings)
    # Retries are made in one place, by cluster/retry.py, and are logged there.
    configuration.retries = urllib3.Retry(total=0, redirect=2)
    api = client.ApiClient(configuration)
    # Who reads the API server's audit log sees which requests were ours.
    api.user_agent = f"posit-audit/{__version__}"
    if settings.impersonate:
        api.set_default_header("Impersonate-User", settings.impersonate)
    if settings.impersonate_group:
        if not settings.impersonate:
            raise ClusterError("--as-group needs --as.", hint="Name the user to impersonate as well.")
        api.set_default_header("Impersonate-Group", settings.impersonate_group)
    return Connection(api, settings, context=context, namespace=namespace, in_cluster=in_cluster)


def _prefers_in_cluster(settings: ClusterSettings) -> bool:
    if settings.kubeconfig or settings.context or os.environ.get("KUBECONFIG"):
        return False
    if Path(_DEFAULT_KUBECONFIG).expanduser().exists():
        return False
    return "KUBERNETES_SERVICE_HOST" in os.environ


def _load_in_cluster(configuration: client.Configuration) -> tuple[str, str]:
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise ClusterError(
            f"The pod's service account can't be used: {error}.", hint="Mount its token, or give --kubeconfig."
        ) from error
    namespace = _POD_NAMESPACE.read_text().strip() if _POD_NAMESPACE.exists() else "default"
    return "in-cluster", namespace


def _load_kubeconfig(configuration: client.Configuration, settings: ClusterSettings) -> tuple[str, str]:
    asked = settings.kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT_KUBECONFIG
    files = [Path(part).expanduser() for part in asked.split(os.pathsep) if part]
    check = f"Check it with: kubectl config view{f' --kubeconfig {settings.kubeconfig}' if settings.kubeconfig else ''}"
    if not any(file.exists() for file in files):
        raise ClusterError(
            f"There is no kubeconfig at {asked}.",
            hint="Give --kubeconfig FILE, set KUBECONFIG, or run inside the cluster.",
        )
    try:
        chosen = _chosen(asked, config.kube_config.KubeConfigMerger(asked).config.value, settings.context)
        with _overheard() as said:
            config.load_kube_config(
                config_file=asked, context=chosen["name"], client_configuration=configuration, persist_config=False
            )
    except ClusterError:
        raise
    except config.ConfigException as error:
        raise ClusterError(f"The kubeconfig {asked} can't be used: {_first_line(error)}.", hint=check) from error
    except Exception as error:  # the client trips over whatever is not as it expects, in its own ways
        raise ClusterError(f"The kubeconfig {asked} {_unreadable(error)}.", hint=check) from error
    if said and not (configuration.api_key or configuration.cert_file):
        raise ClusterError(
            f"The credential program of context {chosen['name']!r} gave no credentials{_own_words(said)}.",
            hint="Log in again, then check with: kubectl auth whoami",
        )
    return str(chosen["name"]), str(chosen["context"].get("namespace") or "default")


def _unreadable(error: Exception) -> str:
    """Never with what stands there: it may be a token."""
    if isinstance(error, OSError) and error.strerror:
        return f"can't be read: {error.strerror}"
    mark = getattr(error, "problem_mark", None)  # of a YAMLError
    return f"is not YAML at line {mark.line + 1}, column {mark.column + 1}" if mark else "is not a kubeconfig"


def _chosen(file: str, kubeconfig: dict[str, Any], name: str | None) -> dict[str, Any]:
    """Merged from several files, each context comes in a box that remembers its file."""
    contexts: dict[str, dict[str, Any]] = {str(one["name"]): one.value for one in kubeconfig.get("contexts") or ()}
    wanted = kubeconfig.get("current-context") if name is None else name
    if wanted in contexts:
        return contexts[wanted]
    hint = f"It has: {', '.join(sorted(contexts)) or 'none'}."
    if not wanted:
        raise ClusterError(
            f"The kubeconfig {file} has no current context.", hint=f"Choose one with --context NAME. {hint}"
        )
    raise ClusterError(f"The kubeconfig {file} has no context {wanted!r}.", hint=hint)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the Kubernetes client logs. Where a credential program (an "exec" user) fails it does nothing else, and goes
    on as nobody: each refusal that follows would be told of the wrong identity."""
    said: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield said
    finally:
        root.removeHandler(handler)


def _own_words(said: list[str]) -> str:
    """At a terminal the program's own stderr was seen there, and the client stumbles over not having it."""
    told = " ".join(said[-1].split())[:300].rstrip(".")
    return f": {told}" if told.startswith(("exec:", "[Errno")) else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
