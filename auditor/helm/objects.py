"""The objects of a manifest with their texts, told apart as Helm and the API server's client tell them apart.

Both may be hostile: a text that one YAML reader takes for one object and another for two is no object here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from auditor.helm.manifest import documents

_SEPARATOR: Final = re.compile(r"^---[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_AMBIGUOUS: Final = re.compile(r"^(?:---[ \t]*[^ \t\n#]|%|\.\.\.)", re.MULTILINE)
"""What some readers take for the border between two documents and others for a part of one."""
_SOURCE: Final = re.compile(r"\A# Source: (\S+)\n")
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9:._-]{0,251}[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"(?:[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?v[a-z0-9]{1,40}")
_KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")


@dataclass(frozen=True, order=True)
class Key:
    """Which object. `namespace` is "" where the manifest names none."""

    api_version: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Document:
    """`text`: all of it, the template's path included, which tells whether two are the same to every reader."""

    source: str
    text: str
    key: Key
    body: dict[str, Any]

    @property
    def is_plain(self) -> bool:
        """Whether each reader takes it for the same: no key twice, no anchor, no tag."""
        try:
            return all(map(_plain, yaml.compose_all(self.text, Loader=yaml.CSafeLoader))) and not any(
                getattr(event, "anchor", None) or getattr(event, "tag", None)
                for event in yaml.parse(self.text, Loader=yaml.CSafeLoader)
            )
        except (yaml.YAMLError, RecursionError):
            return False


def _plain(node: Any) -> bool:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        return len(set(keys)) == len(node.value) and "<<" not in keys and all(_plain(below) for _, below in node.value)
    return not isinstance(node, yaml.SequenceNode) or all(map(_plain, node.value))


def read(manifest: str) -> tuple[Document, ...]:
    """Raises ValueError, whose text holds nothing of the manifest."""
    manifest = f"{manifest}\n"
    if _AMBIGUOUS.search(manifest) or "\r" in manifest:
        raise ValueError("a line that is not read in the same way by everybody")
    return tuple(found for part in _SEPARATOR.split(manifest) for found in _part(part.strip("\n")))


def _part(text: str) -> Iterator[Document]:
    source = _SOURCE.match(text)
    for one in documents(text):
        for body in _flat(one):
            yield Document(source[1] if source else "", text.strip(), _key(body), body)


def _flat(body: Any) -> Iterator[dict[str, Any]]:
    """Helm takes the objects out of what has a list `items`, whatever its kind."""
    if not isinstance(body, dict):
        raise ValueError("no object")  # noqa: TRY004 - it is not the caller's fault
    if isinstance(body.get("items"), list):
        for item in body["items"]:
            yield from _flat(item)
        return
    yield body


def _key(body: dict[str, Any]) -> Key:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise ValueError("no metadata")  # noqa: TRY004
    key = Key(
        str(body.get("apiVersion")),
        str(body.get("kind")),
        str(metadata.get("namespace") or ""),
        str(metadata.get("name")),
    )
    right = _VERSION.fullmatch(key.api_version) and _KIND.fullmatch(key.kind) and _NAME.fullmatch(key.name)
    if not right or (key.namespace and not _NAME.fullmatch(key.namespace)):
        raise ValueError("a name that is none")
    return key
