"""Kubeconfig files, read and merged as kubectl does it (k8s.io/client-go, tools/clientcmd/loader.go): the first file
that names a context, cluster or user wins, and each relative path counts from the file in which it is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from auditor.errors import ClusterError
from auditor.model.identity import Impersonation
from auditor.settings import ClusterSettings

_DEFAULT = "~/.kube/config"
_EXTENSION = "client.authentication.k8s.io/exec"


class Extension(msgspec.Struct, frozen=True):
    name: str = ""
    extension: Any = None


class Cluster(msgspec.Struct, frozen=True, rename="kebab"):
    server: str | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    """Base64, as every `_data`; it wins over the file unless it is empty."""
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None
    disable_compression: bool | None = None
    extensions: list[Extension] | None = None

    @property
    def for_program(self) -> Any:
        """What a credential program is given of the cluster beside its address."""
        return next((one.extension for one in self.extensions or () if one.name == _EXTENSION), None)


class Variable(msgspec.Struct, frozen=True):
    name: str
    value: str | None = None


class Program(msgspec.Struct, frozen=True, rename="camel"):
    """An `exec` user."""

    command: str
    api_version: str | None = None
    args: list[str] | None = None
    env: list[Variable] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool | None = None
    interactive_mode: str | None = None


_RENAMED = {"as_": "as", "token_file": "tokenFile"}


class User(
    msgspec.Struct,
    frozen=True,
    rename=lambda name: _RENAMED.get(name, name.replace("_", "-")),
):
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = None
    username: str | None = None
    password: str | None = None
    as_: str | None = None
    as_uid: str | None = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str]] | None = None
    auth_provider: dict[str, Any] | None = None
    exec: Program | None = None

    @property
    def impersonation(self) -> Impersonation:
        return Impersonation(
            user=self.as_ or "",
            groups=tuple(self.as_groups or ()),
            uid=self.as_uid or "",
            extra=tuple((name, tuple(values)) for name, values in (self.as_user_extra or {}).items()),
        )


class Context(msgspec.Struct, frozen=True):
    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None


class _NamedContext(msgspec.Struct, frozen=True):
    name: str
    context: Context | None = None


class _NamedCluster(msgspec.Struct, frozen=True):
    name: str
    cluster: Cluster | None = None


class _NamedUser(msgspec.Struct, frozen=True):
    name: str
    user: User | None = None


class _File(msgspec.Struct, frozen=True, rename="kebab"):
    current_context: str | None = None
    contexts: list[_NamedContext] | None = None
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """One context with what belongs to it. Every path in it is absolute."""

    name: str
    namespace: str
    cluster: Cluster
    user: User


def choose(settings: ClusterSettings) -> Chosen | None:
    """None where nothing is configured, so that a pod's own account is next. Raises ClusterError."""
    asked = settings.kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT
    # As a flag it is one file, as a variable it may be several.
    parts = [settings.kubeconfig] if settings.kubeconfig else asked.split(os.pathsep)
    paths = [path for part in dict.fromkeys(parts) if part and (path := Path(part).expanduser()).exists()]
    if not paths and settings.kubeconfig:
        raise _missing(asked)
    files = [_read(path, settings) for path in paths]
    contexts: dict[str, Context] = {}
    for file in files:
        for one in file.contexts or ():
            contexts.setdefault(one.name, one.context or Context())
    current = settings.context or next((file.current_context for file in files if file.current_context), None)
    if not current and not contexts and not settings.kubeconfig:
        return None
    if not files:
        raise _missing(asked)
    return _chosen(asked, files, contexts, current)


def nothing_configured() -> ClusterError:
    return _missing(os.environ.get("KUBECONFIG") or _DEFAULT)


def _missing(asked: str) -> ClusterError:
    return ClusterError(
        f"There is no kubeconfig at {asked}, or it has no context.",
        hint="Give --kubeconfig FILE, set KUBECONFIG, or run inside the cluster.",
    )


def _read(path: Path, settings: ClusterSettings) -> _File:
    check = f"Check it with: kubectl config view{f' --kubeconfig {settings.kubeconfig}' if settings.kubeconfig else ''}"
    try:
        told = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        file = msgspec.convert(told if told is not None else {}, _File)
    except OSError as error:
        raise ClusterError(f"The kubeconfig {path} can't be read: {error.strerror}.", hint=check) from None
    except yaml.YAMLError as error:
        # Never with what is written there: it may be a token.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ClusterError(f"The kubeconfig {path} is not YAML{where}.", hint=check) from None
    except msgspec.ValidationError as error:
        raise ClusterError(f"The kubeconfig {path} is not a kubeconfig: {error}.", hint=check) from None
    return _with_absolute_paths(file, path.absolute().parent)


def _with_absolute_paths(file: _File, folder: Path) -> _File:
    def absolute(path: str | None) -> str | None:
        return str(folder / path) if path else path

    def of_user(user: User) -> User:
        program = user.exec
        if program is not None and os.sep in program.command:  # one without is looked for on PATH
            program = msgspec.structs.replace(program, command=str(folder / program.command))
        return msgspec.structs.replace(
            user,
            client_certificate=absolute(user.client_certificate),
            client_key=absolute(user.client_key),
            token_file=absolute(user.token_file),
            exec=program,
        )

    def of_cluster(cluster: Cluster) -> Cluster:
        return msgspec.structs.replace(cluster, certificate_authority=absolute(cluster.certificate_authority))

    return msgspec.structs.replace(
        file,
        clusters=[_NamedCluster(one.name, of_cluster(one.cluster or Cluster())) for one in file.clusters or ()],
        users=[_NamedUser(one.name, of_user(one.user or User())) for one in file.users or ()],
    )


def _chosen(asked: str, files: Sequence[_File], contexts: dict[str, Context], wanted: str | None) -> Chosen:
    hint = f"It has: {', '.join(sorted(contexts)) or 'none'}."
    if not wanted:
        raise ClusterError(
            f"The kubeconfig {asked} has no current context.", hint=f"Choose one with --context NAME. {hint}"
        )
    if wanted not in contexts:
        raise ClusterError(f"The kubeconfig {asked} has no context {wanted!r}.", hint=hint)
    context = contexts[wanted]
    cluster = next((c.cluster for file in files for c in file.clusters or () if c.name == context.cluster), None)
    user = next((u.user for file in files for u in file.users or () if u.name == context.user), None)
    if cluster is None or not cluster.server:
        raise ClusterError(f"The kubeconfig {asked} has no server for context {wanted!r}.", hint=_hint(context))
    if user is None and context.user:
        raise ClusterError(f"The kubeconfig {asked} has no user for context {wanted!r}.", hint=_hint(context))
    return Chosen(name=wanted, namespace=context.namespace or "default", cluster=cluster, user=user or User())


def _hint(context: Context) -> str:
    return f"It names cluster {context.cluster or ''!r} and user {context.user or ''!r}."
