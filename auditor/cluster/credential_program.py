"""Runs the program of an `exec` user, as client-go does (plugin/pkg/client/auth/exec/exec.go)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import datetime
from typing import Any

import msgspec

from auditor.cluster.kubeconfig import Cluster, Program
from auditor.cluster.tls import KeyPair
from auditor.errors import ClusterError
from auditor.names.told import told

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_LONGEST_WORDS = 300


class _Status(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _Answer(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    status: _Status | None = None


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    pair: KeyPair | None
    expires: datetime | None
    asked: bool
    """The program had the terminal for questions. Helm has none to lend."""


def check(program: Program) -> None:
    """Raises ClusterError for what kubectl refuses before it runs anything."""
    if program.api_version not in _VERSIONS:
        raise ClusterError(
            f"The credential program {program.command} has apiVersion {program.api_version!r} in the kubeconfig.",
            hint=f"kubectl and posit-audit know {' and '.join(_VERSIONS)}.",
        )
    if program.interactive_mode not in ("Never", "IfAvailable", "Always") and (
        program.interactive_mode or program.api_version == _VERSIONS[0]
    ):
        raise ClusterError(
            f"The credential program {program.command} has no valid interactiveMode in the kubeconfig.",
            hint="Set it to Never, IfAvailable or Always; kubectl asks for it too.",
        )


def run(program: Program, cluster: Cluster, authority: bytes, context: str) -> Credential:
    """Raises ClusterError with the program's own words. `authority`: in PEM, for one that asks for it."""
    interactive = _interactive(program, context)
    # What it says at a terminal is for the person there: a code to type in, an address to open.
    heard = not (interactive or (sys.stderr is not None and sys.stderr.isatty()))
    try:
        done = subprocess.run(
            [program.command, *(program.args or ())],
            env=_environment(program, cluster, authority, interactive=interactive),
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if heard else None,
            check=False,
        )
    except OSError as error:
        hint = program.install_hint or "Install it, or give the path to it in the kubeconfig."
        raise ClusterError(
            f"The credential program of context {context!r} gave no credentials: {program.command} can't be run"
            f" ({error.strerror}).",
            hint=" ".join(hint.split())[:_LONGEST_WORDS],
        ) from None
    if done.returncode:
        words = told((done.stderr or b"").decode("utf-8", "replace"))[:_LONGEST_WORDS].rstrip(".")
        raise _none(context, f"{program.command} returned {done.returncode}{f'. {words}' if words else ''}")
    return _read(done.stdout, program, context, asked=interactive)


def _read(said: bytes, program: Program, context: str, *, asked: bool) -> Credential:
    try:
        answer = msgspec.json.decode(said, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _none(context, f"the output of {program.command} does not decode as an ExecCredential") from None
    if answer.api_version != program.api_version:
        raise _none(context, f"{program.command} answers with apiVersion {answer.api_version!r}")
    status = answer.status or _Status()
    token, certificate, key = status.token, status.client_certificate_data, status.client_key_data
    if bool(certificate) != bool(key) or not (token or certificate):
        raise _none(context, f"the output of {program.command} has neither a token nor a certificate with its key")
    pair = (certificate.encode(), key.encode()) if certificate and key else None
    return Credential(token=token or "", pair=pair, expires=status.expiration_timestamp, asked=asked)


def _none(context: str, why: str) -> ClusterError:
    return ClusterError(
        f"The credential program of context {context!r} gave no credentials: {why}.",
        hint="Log in again, then check with: kubectl auth whoami",
    )


def _interactive(program: Program, context: str) -> bool:
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if program.interactive_mode == "Always" and not terminal:
        raise ClusterError(
            f"The credential program {program.command} of context {context!r} asks at a terminal, and stdin is none.",
            hint="Run this at a terminal, or log in by other means.",
        )
    return terminal and program.interactive_mode != "Never"


def _environment(program: Program, cluster: Cluster, authority: bytes, *, interactive: bool) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": interactive}
    if program.provide_cluster_info:
        told = {
            "server": cluster.server,
            "tls-server-name": cluster.tls_server_name,
            "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
            "certificate-authority-data": base64.b64encode(authority).decode() if authority else None,
            "proxy-url": cluster.proxy_url,
            "disable-compression": cluster.disable_compression,
            "config": cluster.for_program,
        }
        spec["cluster"] = {name: value for name, value in told.items() if value}
    info = {"kind": "ExecCredential", "apiVersion": program.api_version, "spec": spec}
    given = {one.name: one.value or "" for one in program.env or ()}
    return {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(info)}
