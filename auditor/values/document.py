"""A values file as Helm reads it, and as its owner wrote it.

`data` is what Helm sees; `text` is the file, byte for byte. Editing (`auditor.values.editing`) makes a new document
by splicing the text, so that whatever was not asked for stays as it was: comments, order, quoting, line endings.
"""

from __future__ import annotations

import codecs
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from auditor.errors import UnreadableFile
from auditor.model.keypath import KeyPath
from auditor.values.nodes import Node, parse, unreadable
from auditor.values.plain import Reader, is_merge, target_of

_BOM: Final = "\ufeff"
_MARKED: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Document:
    """One values file. Immutable: edits return another document.

    data: the values as Helm reads them, a dict of dict, list, str, bool, int, float and None; read-only by agreement.
    source: the name that messages use, a path or ``<stdin>``.
    lost: the comments that editing it could not keep. They may hold values.
    """

    def __init__(self, text: str, source: str, *, encoding: str = "utf-8", lost: tuple[str, ...] = ()) -> None:
        """Raises `UnreadableValues` with file, line and column for whatever Helm would not read as a map."""
        self.source = source
        self.encoding = encoding
        self.lost = lost
        self._mark = _BOM if text.startswith(_BOM) else ""
        self.body = text[len(self._mark) :]
        self.root: Node | None = parse(self.body, source)
        self._entries: dict[int, dict[str | int, tuple[Node, Node]]] = {}
        self.data: dict[str, Any] = {}
        if self.root is None:
            return
        data = Reader(source, self.body).value(self.root)
        if data is not None and not isinstance(data, dict):
            where = (self.root.line, self.root.column)
            raise unreadable(source, where, "the values are not a map of keys at the top level")
        self.data = data or {}

    @classmethod
    def parse(cls, text: str | bytes, source: str = "<values>") -> Document:
        """From a text or a file's bytes. An empty file holds no values. Raises `UnreadableValues`."""
        if isinstance(text, str):
            return cls(text, source)
        encoding = next((name for mark, name in _MARKED.items() if text.startswith(mark)), "utf-8")
        try:
            return cls(text.decode(encoding), source, encoding=encoding)
        except UnicodeDecodeError as error:
            before = text[: error.start]
            where = (before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
            raise unreadable(source, where, f"a byte is not {encoding}") from None

    @classmethod
    def read(cls, path: Path) -> Document:
        """From a file. Raises `UnreadableFile` where it can't be opened and `UnreadableValues` where it isn't YAML."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UnreadableFile(
                f"{path} can't be read: {error.strerror or 'unknown error'}.", hint="Name a values file that exists."
            ) from None
        return cls.parse(content, str(path))

    def text(self) -> str:
        """The whole file as it is, byte order mark included."""
        return self._mark + self.body

    def content(self) -> bytes:
        """The file's bytes in the encoding in which it was read."""
        return self.text().encode(self.encoding)

    def with_body(self, body: str) -> Document:
        """The same file with another text. Raises `UnreadableValues`."""
        return Document(self._mark + body, self.source, encoding=self.encoding, lost=self.lost)

    def without(self, comments: tuple[str, ...]) -> Document:
        """The same, and it names these as lost too."""
        other = copy.copy(self)
        other.lost += comments
        return other

    def node(self, path: KeyPath) -> Node | None:
        """The value's node at `path`, through aliases and ``<<``, or None."""
        pair = self.entry(path)
        return pair[1] if pair else None

    def entry(self, path: KeyPath) -> tuple[Node, Node] | None:
        """Key and value of the entry that gives `path` its value; for a list's item the item twice."""
        if self.root is None:
            return None
        found = (self.root, self.root)
        for part in path:
            below = self._below(target_of(found[1])).get(part)
            if below is None:
                return None
            found = below
        return found

    def position(self, path: KeyPath) -> tuple[int, int]:
        """Line and column, from 1, of the key at `path`, or of its nearest ancestor that is in the file."""
        for length in range(len(path), 0, -1):
            found = self.entry(path[:length])
            if found is not None:
                return found[0].line, found[0].column
        return (1, 1)

    def section(self, index: int) -> str:
        """The top-level key below which a place of the text stands; the first one for what is above it."""
        reader = Reader(self.source)
        pairs = self.root.pairs if self.root is not None else []
        keys = [reader.key(key) for number, (key, _) in enumerate(pairs) if number == 0 or key.start <= index]
        return keys[-1] if keys else ""

    def _below(self, node: Node) -> dict[str | int, tuple[Node, Node]]:
        """The entries of a map or list by key or index, as Helm sees them: the last of several wins."""
        if id(node) not in self._entries:
            self._entries[id(node)] = dict(self._found(node))
        return self._entries[id(node)]

    def _found(self, node: Node) -> Iterator[tuple[str | int, tuple[Node, Node]]]:
        yield from ((index, (item, item)) for index, item in enumerate(node.items) if node.kind == "list")
        reader = Reader(self.source)
        for key, value in node.pairs:
            if is_merge(key):
                for merged in value.items[::-1] if value.kind == "list" else [value]:
                    yield from self._below(target_of(merged)).items()
            else:
                yield reader.key(key), (key, value)
