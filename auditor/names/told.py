"""What others say, as far as it may be repeated: Helm, the API server, webhooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from auditor.names.address import addresses
from auditor.names.secrets import WITHHELD, scrub
from auditor.names.shown import key, name

LONGEST: Final = 600
_MOST: Final = 20_000
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OBJECT: Final = re.compile(r"[a-z0-9][a-z0-9./:@_-]*")
_VALUE: Final = re.compile(r'((?:Invalid|Unsupported|Duplicate) value|Not found): (?:"(?:[^"\\]|\\.)*"|[^:,\s]+)')
"""How field errors quote what stands in an object (k8s.io/apimachinery, pkg/util/validation/field/errors.go)."""


def told(text: str, secrets: Iterable[Any] = ()) -> str:
    """One line, without addresses' credentials, without `secrets` in any of their forms, without the values that field
    errors quote, and with its names as names are printed."""
    if len(text) > _MOST:
        text = text[:_MOST].rpartition(" ")[0]
    known = scrub(addresses(text), secrets)
    bare = _VALUE.sub(rf"\1: {WITHHELD}", known)
    return " ".join(name(_QUOTED.sub(_quoted, bare)).split())[:LONGEST]


def _quoted(found: re.Match[str]) -> str:
    """An object's name, or the key of a map, which can be anything."""
    inner = found[1]
    if _OBJECT.fullmatch(inner) or WITHHELD in inner:
        return found[0]
    return f'"{_each(inner)}"'


def _each(text: str) -> str:
    return " ".join(word if _OBJECT.fullmatch(word) else key(word) for word in text.split(" "))


def field(path: str) -> str:
    """A field as the API server names it: `.data.****`, `spec.containers[name="rspm"].image`."""
    return key(path)


def status(body: bytes) -> tuple[str, str, dict[str, Any]]:
    """Of the Status that the API server sent: what may be repeated of it (its reason, and field and reason of each
    cause), its message, which may not, and the whole."""
    try:
        said = json.loads(body or b"{}")
        causes = (said.get("details") or {}).get("causes") or ()
        named = [f"{field(str(one['field']))} ({key(str(one.get('reason')))})" for one in causes if one.get("field")]
        reason = key(str(said.get("reason") or ""))
        return "; ".join(dict.fromkeys(named)) or reason, " ".join(str(said.get("message") or "").split()), said
    except (ValueError, AttributeError, TypeError):
        return "", "", {}
