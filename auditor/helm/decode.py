"""A release as Helm stores it: Secret `sh.helm.release.v1.<name>.v<revision>`, key `release`.

Helm writes base64 of gzip of JSON (releases before Helm 2.7: base64 of JSON), and the API adds its own base64
(helm.sh/helm/v4/pkg/storage/driver/util.go).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from auditor.errors import UnreadableRelease
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.seen import Withheld

LARGEST_RELEASE: Final = 64 * 1024 * 1024
"""Bytes of JSON. A Secret holds 1 MiB, and gzip turns that into a gigabyte where someone means harm."""

_GZIP: Final = b"\x1f\x8b\x08"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def decode_release(data: str | bytes, where: str) -> HelmRecord:
    """`data` is the Secret's `data.release` as the API gives it; `where` names the Secret for the sentence.

    Raises UnreadableRelease for whatever isn't a release; its message holds nothing of what was read.
    """
    release = _map(_json(_gunzip(_unbase64(_unbase64(data, where), where), where), where), "the record", where)
    chart = _map(release.get("chart"), "chart", where)
    metadata = _map(chart.get("metadata"), "chart.metadata", where)
    info = _map(release.get("info"), "info", where)
    values = _map({} if release.get("config") is None else release["config"], "config (the supplied values)", where)
    defaults = _map({} if chart.get("values") is None else chart["values"], "chart.values", where)
    revision = release.get("version")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        raise _unreadable(where, "its revision is not a number")
    return HelmRecord(
        revision=revision,
        status=_status(info.get("status")),
        description=safe_description(info.get("description")),
        chart_name=_text(metadata, "name", where),
        chart_version=_text(metadata, "version", where),
        app_version=str(metadata.get("appVersion") or ""),
        values=Withheld(values),
        defaults=Withheld(defaults),
        values_digest=_digest(values, where),
        manifest=Withheld(str(release.get("manifest") or "")),
        apply_method=str(release.get("apply_method") or ""),
        updated=_time(info.get("last_deployed")),
    )


def values_digest(values: Mapping[str, Any]) -> str:
    """sha256, in hexadecimal, over the values as JSON with sorted keys and no spaces."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


_OPENINGS: Final = (
    # What Helm itself writes (helm.sh/helm/v4/pkg/action: install.go, upgrade.go, rollback.go, uninstall.go). Anything
    # else was written by a person (`--description`) or by a template, and may hold what must not be shown.
    (re.compile(r"Initial install underway"), "Initial install underway"),
    (re.compile(r"Install complete"), "Install complete"),
    (re.compile(r"Preparing upgrade"), "Preparing upgrade"),
    (re.compile(r"Upgrade complete"), "Upgrade complete"),
    (re.compile(r"Rollback to \d+"), ""),
    (re.compile(r"Deletion in progress"), "Deletion in progress (or silently failed)"),
    (re.compile(r"Uninstallation complete"), "Uninstallation complete"),
    (re.compile(r'Release ".*?" failed'), "Release failed"),
    (re.compile(r'Upgrade ".*?" failed'), "Upgrade failed"),
    (re.compile(r'Rollback ".*?" failed'), "Rollback failed"),
)
_CAUSES: Final = (
    "pre-install hooks failed",
    "post-install hooks failed",
    "pre-upgrade hooks failed",
    "post-upgrade hooks failed",
    "pre-rollback hooks failed",
    "post-rollback hooks failed",
    "failed pre-install",
    "failed post-install",
    "timed out waiting for the condition",
    "context deadline exceeded",
    "context canceled",
    "DeadlineExceeded",
    "BackoffLimitExceeded",
    "field is immutable",
    "already exists",
    "is forbidden",
    "exceeded quota",
    "is invalid",
    "cannot patch",
    "no matches for kind",
    "connection refused",
    "conflict occurred while applying object",
    "server-side apply failed",
)


def safe_description(text: object) -> str:
    """Helm's sentence about its last operation, rebuilt from words that Helm and Kubernetes are known to use.

    An error that Helm quotes can hold a rendered template, hence a password. Nothing of the original but a revision
    number is passed on, so nothing can slip through.
    """
    if not isinstance(text, str):
        return ""
    for opening, words in _OPENINGS:
        match = opening.match(text)
        if match:
            rest = text[match.end() :]
            causes = [cause for cause in _CAUSES if cause in rest] if words.endswith(" failed") else []
            return (words or match.group()) + (f": {', '.join(causes)}" if causes else "")
    return ""


def _digest(values: Mapping[str, Any], where: str) -> str:
    try:
        return values_digest(values)
    except RecursionError:
        raise _unreadable(where, "its values are nested too deeply") from None


def _unbase64(data: str | bytes, where: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable(where, "it is not base64") from None


def _gunzip(raw: bytes, where: str) -> bytes:
    if not raw.startswith(_GZIP):
        return raw
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = inflater.decompress(raw, LARGEST_RELEASE)
    except zlib.error:
        raise _unreadable(where, "its gzip is damaged") from None
    if inflater.unconsumed_tail:
        raise _unreadable(where, f"it grows beyond {LARGEST_RELEASE // 1024**2} MiB when it is decompressed")
    if not inflater.eof:
        raise _unreadable(where, "its gzip ends early")
    return content


def _json(content: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _unreadable(where, "it is not JSON") from None
    except RecursionError:
        raise _unreadable(where, "it is nested too deeply") from None


def _map(value: Any, name: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unreadable(where, f"{name} is not a map")
    return value


def _text(metadata: Mapping[str, Any], key: str, where: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not value:
        raise _unreadable(where, f"chart.metadata has no {key}")
    return value


def _status(value: object) -> HelmStatus:
    try:
        return HelmStatus(str(value))
    except ValueError:
        return HelmStatus.UNKNOWN


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _unreadable(where: str, why: str) -> UnreadableRelease:
    return UnreadableRelease(
        f"Helm's record of the release in {where} can't be read: {why}.",
        hint="Compare with what `helm status` and `helm history` say.",
    )
