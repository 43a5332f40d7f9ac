"""Plain values as YAML text in block style, so that Helm reads back exactly the same values.

Every string that Helm would take for something else is quoted. Lines come without a line ending.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from auditor.values.scalars import resolve_plain

# What stands in values files without quotes: names, paths, images, quantities, sentences; nothing that could be an
# indicator of YAML at its beginning, after a colon or before a comment.
_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_/.][A-Za-z0-9_/.@%+=,()~^*!?&$-]*([ :][A-Za-z0-9_/.@%+=,()~^*!?&$-]+)*", re.ASCII
)
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LITERAL: Final = re.compile(r"[^\s][^\r]*[^\s]\n?")


def scalar(value: Any) -> str:
    """One scalar, or an empty map or list, on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return value if _is_plain(value) else quoted(value)
    return json.dumps(value)


def quoted(value: str) -> str:
    """A double-quoted scalar; JSON's escapes are YAML's."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def entry(key: str, value: Any, indent: int, step: int = 2) -> list[str]:
    """The lines of ``key: value`` at `indent` columns, deeper levels `step` further in."""
    return _headed(f"{' ' * indent}{scalar(key)}:", value, indent, step)


def item(value: Any, indent: int, step: int = 2) -> list[str]:
    """The lines of a list's item whose dash stands at `indent` columns."""
    if isinstance(value, dict | list) and value:
        lines = block(value, indent + 2, step)
        return [f"{' ' * indent}- {lines[0].lstrip(' ')}", *lines[1:]]
    return _headed(f"{' ' * indent}-", value, indent, step)


def block(value: dict[str, Any] | list[Any], indent: int, step: int = 2) -> list[str]:
    """The lines of a filled map or list at `indent` columns."""
    if isinstance(value, dict):
        return [line for key, below in value.items() for line in entry(key, below, indent, step)]
    return [line for below in value for line in item(below, indent, step)]


def _headed(head: str, value: Any, indent: int, step: int) -> list[str]:
    if isinstance(value, dict | list) and value:
        return [head, *block(value, indent + step, step)]
    if isinstance(value, str) and "\n" in value and _LITERAL.fullmatch(value) and not _UNPRINTABLE.search(value):
        lines = value.removesuffix("\n").split("\n")
        mark = "|" if value.endswith("\n") else "|-"
        return [f"{head} {mark}", *(" " * (indent + step) + line if line else "" for line in lines)]
    return [f"{head} {scalar(value)}"]


def _is_plain(value: str) -> bool:
    return bool(_PLAIN.fullmatch(value)) and isinstance(resolve_plain(value), str) and not value.startswith("...")
